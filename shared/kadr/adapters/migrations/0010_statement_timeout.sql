-- Search gives up after 29 s; what it has asked for must not go on without it. What works on whole collections
-- (`cluster`, the commands) lifts this for itself.
DO $$
BEGIN
    EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET statement_timeout = ''30s''', current_database());
END
$$;
