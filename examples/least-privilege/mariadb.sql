-- Run once by an administrator in the database, after `signalbox migrate` and your own migrations.

-- The application: transitions, its own relay and deadlines.
GRANT SELECT, INSERT, UPDATE ON load_balancer TO cloud_app;
GRANT SELECT, INSERT ON signalbox_journal TO cloud_app;
GRANT SELECT, INSERT, DELETE ON signalbox_outbox TO cloud_app;
GRANT SELECT, INSERT ON signalbox_application TO cloud_app;
GRANT SELECT, INSERT, UPDATE ON signalbox_bus TO cloud_app;
GRANT SELECT, INSERT, DELETE ON signalbox_parked TO cloud_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON signalbox_deadline TO cloud_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON signalbox_relay TO cloud_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON signalbox_job TO cloud_app;
GRANT SELECT, INSERT, UPDATE ON signalbox_lease TO cloud_app;
-- Its idempotent handlers.
GRANT SELECT, INSERT, UPDATE, DELETE ON signalbox_inbox TO cloud_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON signalbox_seen TO cloud_app;
GRANT SELECT ON signalbox_horizon TO cloud_app;

-- `signalbox relay` apart: it never sees your tables.
GRANT SELECT, INSERT ON signalbox_journal TO cloud_relay;
GRANT SELECT, INSERT, DELETE ON signalbox_outbox TO cloud_relay;
GRANT SELECT, INSERT ON signalbox_application TO cloud_relay;
GRANT SELECT, INSERT, UPDATE ON signalbox_bus TO cloud_relay;
GRANT SELECT, INSERT, DELETE ON signalbox_parked TO cloud_relay;
GRANT SELECT, INSERT, UPDATE, DELETE ON signalbox_relay TO cloud_relay;
GRANT SELECT, INSERT, UPDATE ON signalbox_lease TO cloud_relay;
GRANT SELECT ON signalbox_deadline TO cloud_relay;
GRANT SELECT ON signalbox_job TO cloud_relay;
GRANT SELECT ON signalbox_inbox TO cloud_relay;
GRANT SELECT ON signalbox_seen TO cloud_relay;
GRANT SELECT ON signalbox_horizon TO cloud_relay;
