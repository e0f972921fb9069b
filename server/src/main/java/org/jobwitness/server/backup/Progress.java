package org.jobwitness.server.backup;

/** Is told how far a backup or a restore is. */
public interface Progress {
    /** So many bytes of a table's rows, uncompressed, were copied; called often. */
    void bytes(String table, long bytes);

    /** All rows of a table were copied. */
    void done(String table, long rows);
}
