-- Run once, by the image's entry point, as superuser. As saas/devstack/cluster.py does it on a laptop.
\getenv password FREEHOLD_ADMIN_PASSWORD
CREATE ROLE freehold_admin LOGIN CREATEROLE PASSWORD :'password';
CREATE DATABASE freehold OWNER freehold_admin;
\connect freehold
-- With it an injection inside a SELECT could leave its role.
REVOKE EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) TO freehold_admin;
