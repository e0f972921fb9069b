package org.jobwitness.server.backup;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.jobwitness.server.testing.TestDatabase;
import org.junit.jupiter.api.Test;

class TablesTest {
    @Test
    void everyTableIsInABackupAfterThoseThatItRefersTo() {
        try (TestDatabase database = new TestDatabase()) {
            assertThat(Tables.ALL).containsExactlyInAnyOrderElementsOf(database.texts("""
                    select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
                    and not relispartition and relname <> 'flyway_schema_history'"""));
            List<String> references = database.texts("""
                    select distinct confrelid::regclass || ' ' || conrelid::regclass from pg_constraint
                    where contype = 'f'""");
            assertThat(references).isNotEmpty().allSatisfy(reference -> {
                String[] tables = reference.split(" ");
                assertThat(Tables.ALL.indexOf(tables[0])).isLessThan(Tables.ALL.indexOf(tables[1]));
            });
        }
    }
}
