-- Once, after the first migration, as the owner: psql -U hotline_owner -d hotline -f trail.sql
-- What was read by whom is added to and never changed, also not by a console that somebody took over.
REVOKE UPDATE, DELETE, TRUNCATE ON access_log FROM hotline_app;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON alembic_version FROM hotline_app;
