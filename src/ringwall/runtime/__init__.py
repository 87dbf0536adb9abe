"""The doing: Docker, images, what a machine must offer, what an instance needs to run."""
