-- Run once by the owner of the tables, after `signalbox migrate` and your own migrations.

-- The application: transitions, its own relay and deadlines.
GRANT SELECT, INSERT, UPDATE ON load_balancer TO cloud_app;
GRANT SELECT, INSERT ON signalbox_journal TO cloud_app;
GRANT USAGE ON SEQUENCE signalbox_journal_position_seq TO cloud_app;
GRANT SELECT, INSERT, DELETE ON signalbox_outbox TO cloud_app;
GRANT SELECT, INSERT ON signalbox_application TO cloud_app;
GRANT SELECT, INSERT, UPDATE ON signalbox_bus TO cloud_app;
GRANT SELECT, INSERT, UPDATE, DELETE
  ON signalbox_parked, signalbox_deadline, signalbox_relay, signalbox_job TO cloud_app;
GRANT SELECT, INSERT, UPDATE ON signalbox_lease TO cloud_app;
-- Its idempotent handlers.
GRANT SELECT, INSERT, UPDATE, DELETE ON signalbox_inbox, signalbox_seen TO cloud_app;
GRANT SELECT ON signalbox_horizon TO cloud_app;

-- `signalbox relay` apart: it never sees your tables.
GRANT SELECT, INSERT ON signalbox_journal TO cloud_relay;
GRANT USAGE ON SEQUENCE signalbox_journal_position_seq TO cloud_relay;
GRANT SELECT, INSERT, DELETE ON signalbox_outbox TO cloud_relay;
GRANT SELECT, INSERT ON signalbox_application TO cloud_relay;
GRANT SELECT, INSERT, UPDATE ON signalbox_bus TO cloud_relay;
GRANT SELECT, INSERT, UPDATE, DELETE ON signalbox_parked, signalbox_relay TO cloud_relay;
GRANT SELECT, INSERT, UPDATE ON signalbox_lease TO cloud_relay;
GRANT SELECT ON signalbox_deadline, signalbox_job,
  signalbox_inbox, signalbox_seen, signalbox_horizon TO cloud_relay;
