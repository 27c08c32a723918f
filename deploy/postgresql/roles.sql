-- Once, as PostgreSQL's superuser, before the first migration:
--   psql -v owner_password="'…'" -v app_password="'…'" -f roles.sql
-- The owner migrates. The application reads and writes rows: it makes and drops no table (trail.sql says what else not).
CREATE ROLE hotline_owner LOGIN PASSWORD :owner_password;
CREATE ROLE hotline_app LOGIN PASSWORD :app_password;
CREATE DATABASE hotline OWNER hotline_owner ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE hotline FROM PUBLIC;
GRANT CONNECT ON DATABASE hotline TO hotline_app;
ALTER ROLE hotline_app IN DATABASE hotline SET lock_timeout = '15s';
ALTER ROLE hotline_app IN DATABASE hotline SET idle_in_transaction_session_timeout = '60s';
-- A migration that cannot have its lock gives up instead of making the consoles wait behind it.
ALTER ROLE hotline_owner IN DATABASE hotline SET lock_timeout = '4s';
\connect hotline
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO hotline_owner;
GRANT USAGE ON SCHEMA public TO hotline_app;
ALTER DEFAULT PRIVILEGES FOR ROLE hotline_owner IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO hotline_app;
ALTER DEFAULT PRIVILEGES FOR ROLE hotline_owner IN SCHEMA public
  GRANT USAGE, SELECT ON SEQUENCES TO hotline_app;
