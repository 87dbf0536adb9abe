"""What is secret, who may know it, and how it is proved."""
