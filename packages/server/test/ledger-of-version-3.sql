-- The tables of a ledger of version 3, as banshare-server wrote them, and one host.
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE hosts ( id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, curve TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE, state TEXT NOT NULL, enrolled REAL NOT NULL, addresses TEXT NOT NULL, last_seen REAL, epoch TEXT, applied INTEGER, version TEXT, generation TEXT , clock_ahead REAL, wanted TEXT NOT NULL DEFAULT '') STRICT;
CREATE TABLE events ( seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, ip TEXT NOT NULL, prog TEXT NOT NULL, jail TEXT NOT NULL, host TEXT NOT NULL, at REAL NOT NULL, until INTEGER, tail TEXT NOT NULL, details TEXT NOT NULL ) STRICT;
CREATE TABLE bans ( ip TEXT NOT NULL, prog TEXT NOT NULL, jail TEXT NOT NULL, seq INTEGER NOT NULL, at REAL NOT NULL, until INTEGER, PRIMARY KEY (ip, prog, jail) ) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX bans_seq ON bans (seq);
CREATE TABLE supporters ( ip TEXT NOT NULL, prog TEXT NOT NULL, jail TEXT NOT NULL, host INTEGER NOT NULL, since REAL NOT NULL, PRIMARY KEY (ip, prog, jail, host) ) STRICT, WITHOUT ROWID;
CREATE TABLE reports ( host INTEGER NOT NULL, id TEXT NOT NULL, received REAL NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL, ip TEXT NOT NULL, prog TEXT NOT NULL, jail TEXT NOT NULL, verdict TEXT NOT NULL, code TEXT, reason TEXT, seq INTEGER, PRIMARY KEY (host, id) ) STRICT, WITHOUT ROWID;
CREATE INDEX reports_ip ON reports (ip, received);
CREATE INDEX reports_received ON reports (received);
CREATE INDEX events_ip ON events (ip);
CREATE INDEX supporters_host ON supporters (host, since);
CREATE INDEX bans_until ON bans (until);
CREATE TABLE outcomes ( seq INTEGER NOT NULL, host INTEGER NOT NULL, outcome TEXT NOT NULL, reason TEXT, at REAL NOT NULL, PRIMARY KEY (seq, host) ) STRICT, WITHOUT ROWID;
CREATE TABLE acks ( host INTEGER NOT NULL, applied INTEGER NOT NULL, at REAL NOT NULL, PRIMARY KEY (host, applied) ) STRICT, WITHOUT ROWID;
CREATE TABLE offences (ip TEXT PRIMARY KEY, count INTEGER NOT NULL, at REAL NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE lifted ( ip TEXT NOT NULL, jail TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (ip, jail) ) STRICT, WITHOUT ROWID;
CREATE TABLE seen_at ( host INTEGER NOT NULL, address TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (host, address) ) STRICT, WITHOUT ROWID;
CREATE TABLE never_ban (range TEXT PRIMARY KEY, at REAL NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE held ( id INTEGER PRIMARY KEY, host INTEGER NOT NULL, name TEXT NOT NULL, ip TEXT NOT NULL, prog TEXT NOT NULL, jail TEXT NOT NULL, at REAL NOT NULL, until INTEGER, details TEXT NOT NULL ) STRICT;
CREATE TABLE audit ( n INTEGER PRIMARY KEY, at REAL NOT NULL, what TEXT NOT NULL, details TEXT NOT NULL, hash TEXT NOT NULL ) STRICT;
INSERT INTO hosts (id, key, curve, name, state, enrolled, addresses, wanted, last_seen)
  VALUES (7, 'aa', 'bb', 'web1', 'active', 1795257600, '[]', 'web1', 1795257600);
PRAGMA user_version = 3;
