package org.jobwitness.server.backup;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jobwitness.server.db.Partition;

/**
 * What a backup contains: the last entry of its file, {@link #ENTRY}, as JSON. A file that was cut off has none.
 *
 * @param format of the file: {@link #FORMAT}
 * @param version of the server that wrote it
 * @param schema of its tables, as Flyway numbers it
 * @param at the moment that its rows are of
 * @param tables in the order in which they can be filled
 * @param partitions that the rows need
 * @param tokens names of the files of tokens
 */
record Manifest(int format, String version, String schema, Instant at, List<Table> tables, List<Partition> partitions,
        List<String> tokens) {
    static final int FORMAT = 1;
    static final String ENTRY = "manifest.json";
    private static final String TABLES = "tables/";
    private static final String TOKENS = "tokens/";

    /**
     * @param columns in the order of the values
     * @param sequences the last number that each generated key has given out, by its column; none where it gave none
     */
    record Table(String name, List<String> columns, long rows, Map<String, Long> sequences) {
        /** Its rows, as PostgreSQL's COPY writes them as text. */
        static String entry(String table) {
            return TABLES + table;
        }
    }

    static String tokenEntry(String name) {
        return TOKENS + name;
    }

    Manifest with(List<String> tokensOfIt) {
        return new Manifest(format, version, schema, at, tables, partitions, tokensOfIt);
    }

    long rows() {
        return tables.stream().mapToLong(Table::rows).sum();
    }
}
