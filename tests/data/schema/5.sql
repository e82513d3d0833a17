-- A database as the program of schema 5 left it. Never changed: it is what users have.
CREATE TABLE schema_migrations (number INTEGER PRIMARY KEY, applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE vms (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  image TEXT NOT NULL,
  image_build TEXT NOT NULL,
  vcpu_count INTEGER NOT NULL,
  memory_mib INTEGER NOT NULL,
  disk_mib INTEGER NOT NULL,
  is_isolated INTEGER NOT NULL,
  is_ephemeral INTEGER NOT NULL,
  address TEXT NOT NULL UNIQUE,
  ssh_port INTEGER NOT NULL,
  directory TEXT NOT NULL,
  host_key_public TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  wanted INTEGER NOT NULL,
  settled INTEGER NOT NULL,
  error TEXT NOT NULL,
  error_stage TEXT NOT NULL,
  error_at_ms INTEGER NOT NULL, driver INTEGER NOT NULL DEFAULT 0, network INTEGER NOT NULL DEFAULT 0, has_nat INTEGER NOT NULL DEFAULT 1, root_disk INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE lost_vms(
  id TEXT,
  name TEXT,
  image TEXT,
  image_build TEXT,
  vcpu_count INT,
  memory_mib INT,
  disk_mib INT,
  is_isolated INT,
  is_ephemeral INT,
  address TEXT,
  ssh_port INT,
  directory TEXT,
  host_key_public TEXT,
  created_at_ms INT,
  wanted INT,
  settled INT,
  error TEXT,
  error_stage TEXT,
  error_at_ms INT
, driver INTEGER, network INTEGER, has_nat INTEGER, root_disk INTEGER);
CREATE TABLE vm_transitions (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  vm_id TEXT NOT NULL REFERENCES vms (id) ON DELETE CASCADE,
  at_ms INTEGER NOT NULL,
  from_state INTEGER NOT NULL,
  to_state INTEGER NOT NULL,
  operation TEXT NOT NULL,
  stage TEXT NOT NULL,
  cause TEXT NOT NULL,
  UNIQUE (vm_id, at_ms, from_state, to_state)
) STRICT;
CREATE INDEX vm_transitions_of ON vm_transitions (vm_id, number);
CREATE TABLE guest_sessions (
  id TEXT PRIMARY KEY,
  vm_id TEXT NOT NULL REFERENCES vms (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  argv BLOB NOT NULL,
  env BLOB NOT NULL,
  cwd BLOB NOT NULL,
  input INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  columns INTEGER NOT NULL,
  policy INTEGER NOT NULL,
  tags BLOB NOT NULL,
  required BLOB NOT NULL,
  journal_cap INTEGER NOT NULL,
  state INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  started_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER NOT NULL,
  exit_code INTEGER NOT NULL,
  signal INTEGER NOT NULL,
  error TEXT NOT NULL,
  error_step TEXT NOT NULL,
  end_offset INTEGER NOT NULL,
  is_settled INTEGER NOT NULL,
  UNIQUE (vm_id, name)
) STRICT;
INSERT INTO schema_migrations (number) VALUES (1);
INSERT INTO schema_migrations (number) VALUES (2);
INSERT INTO schema_migrations (number) VALUES (3);
INSERT INTO schema_migrations (number) VALUES (4);
INSERT INTO schema_migrations (number) VALUES (5);
INSERT INTO vms VALUES ('0123456789ab', 'box', 'debian', '1763990000-abc123', 2, 1024, 8192, 0, 0, '127.77.0.2', 2222,
  '/home/u/.local/state/banger/vms/0123456789ab', 'ssh-ed25519 AAAA', 1763990001000, 1, 2, '', '', 0, 0, 0, 1, 0);
INSERT INTO vms VALUES ('ba9876543210', 'old', 'debian', '1763990000-abc123', 1, 512, 64, 1, 1, '127.77.0.3', 2222,
  '/home/u/.local/state/banger/vms/ba9876543210', '', 1763990002000, 0, 3, 'it broke', 'booting', 1763990003000, 0, 0, 1, 0);
INSERT INTO vm_transitions VALUES (1, 'ba9876543210', 1763990002000, 0, 1, 'create', '', 'vm create');
INSERT INTO vm_transitions VALUES (3, 'ba9876543210', 1763990002500, 1, 2, 'start', 'launching', 'vm start');
INSERT INTO vm_transitions VALUES (4, 'ba9876543210', 1763990003000, 2, 5, 'start', 'booting', 'it broke');
