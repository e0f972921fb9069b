package org.jobwitness.server.db;

import static org.assertj.core.api.Assumptions.assumeThat;

/** On which PostgreSQL a test runs that is to pass on the newest and on the oldest that the server works with. */
public enum PostgresVersion {
    NEWEST {
        @Override
        public DatabaseAddress freshDatabase() {
            return TestPostgres.freshDatabase();
        }
    },
    OLDEST {
        @Override
        public DatabaseAddress freshDatabase() {
            assumeThat(OldestPostgres.runsHere()).as("PostgreSQL 14 is at hand for Linux on amd64 only").isTrue();
            return OldestPostgres.freshDatabase();
        }
    };

    /** A new, empty database. */
    public abstract DatabaseAddress freshDatabase();
}
