-- Read at every start, so that accounts are what is written here, and passwords what the secret
-- files hold. @KAMAILIO_PASSWORD@ and @CONTROL_PASSWORD@ are filled in by the entrypoint.
SET sql_log_bin = 0;
CREATE OR REPLACE USER root@localhost IDENTIFIED VIA unix_socket;
GRANT ALL ON *.* TO root@localhost WITH GRANT OPTION;
-- The container's own account, for the healthcheck: it may connect, and no more.
CREATE OR REPLACE USER mariadb@localhost IDENTIFIED VIA unix_socket;
CREATE OR REPLACE USER control@'%' IDENTIFIED BY '@CONTROL_PASSWORD@';
GRANT ALL ON kamailio.* TO control@'%';
-- Kamailio writes where its users are and which calls are up; all else it only reads.
CREATE OR REPLACE USER kamailio@'%' IDENTIFIED BY '@KAMAILIO_PASSWORD@';
GRANT SELECT ON kamailio.* TO kamailio@'%';
GRANT INSERT, UPDATE, DELETE ON kamailio.location TO kamailio@'%';
GRANT INSERT, UPDATE, DELETE ON kamailio.location_attrs TO kamailio@'%';
GRANT INSERT, UPDATE, DELETE ON kamailio.dialog TO kamailio@'%';
GRANT INSERT, UPDATE, DELETE ON kamailio.dialog_vars TO kamailio@'%';
