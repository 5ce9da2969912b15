-- Run once, by the image's entry point, as superuser. As saas/devstack/cluster.py does it on a laptop.
\getenv password FREEHOLD_ADMIN_PASSWORD
CREATE ROLE freehold_admin LOGIN CREATEROLE PASSWORD :'password';
-- So that `saas migrate` can bound the temporary files of the application's connections.
GRANT SET ON PARAMETER temp_file_limit TO freehold_admin;
CREATE DATABASE freehold OWNER freehold_admin;
\connect freehold
-- With it an injection inside a SELECT could leave its role.
REVOKE EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) TO freehold_admin;
