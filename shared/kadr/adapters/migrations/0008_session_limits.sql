-- A worker that hangs must not hold a row lock for ever. Sessions have these from their role, not from what a
-- connection asks for as it opens: RDS Proxy, and PgBouncer, refuse that.
DO $$
BEGIN
    EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET lock_timeout = ''30s''', current_database());
    EXECUTE format(
        'ALTER ROLE CURRENT_USER IN DATABASE %I SET idle_in_transaction_session_timeout = ''60s''',
        current_database()
    );
END
$$;
