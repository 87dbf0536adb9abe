-- Read at every start, so that accounts are what is written here, and passwords what the secret
-- files hold. @KAMAILIO_PASSWORD@ and @CONTROL_PASSWORD@ are filled in by the entrypoint.
SET sql_log_bin = 0;
CREATE OR REPLACE USER root@localhost IDENTIFIED VIA unix_socket;
GRANT ALL ON *.* TO root@localhost WITH GRANT OPTION;
-- The container's own account, for the healthcheck: it may connect, and no more.
CREATE OR REPLACE USER mariadb@localhost IDENTIFIED VIA unix_socket;
CREATE OR REPLACE USER control@'%' IDENTIFIED BY '@CONTROL_PASSWORD@';
GRANT ALL ON kamailio.* TO control@'%';
-- Kamailio writes where its users are; all else it only reads. The calls that were up before it
-- started it takes off its list, and puts them there when it ends.
CREATE TABLE IF NOT EXISTS kamailio.dialog_at_start LIKE kamailio.dialog;
CREATE TABLE IF NOT EXISTS kamailio.dialog_vars_at_start LIKE kamailio.dialog_vars;
INSERT IGNORE INTO kamailio.version (table_name, table_version)
    SELECT CONCAT(table_name, '_at_start'), table_version FROM kamailio.version
    WHERE table_name IN ('dialog', 'dialog_vars');
CREATE OR REPLACE USER kamailio@'%' IDENTIFIED BY '@KAMAILIO_PASSWORD@';
GRANT SELECT ON kamailio.* TO kamailio@'%';
GRANT INSERT, UPDATE, DELETE ON kamailio.location TO kamailio@'%';
GRANT INSERT, UPDATE, DELETE ON kamailio.location_attrs TO kamailio@'%';
GRANT INSERT, UPDATE, DELETE ON kamailio.dialog_at_start TO kamailio@'%';
GRANT INSERT, UPDATE, DELETE ON kamailio.dialog_vars_at_start TO kamailio@'%';
