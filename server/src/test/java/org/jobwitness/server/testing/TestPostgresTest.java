package org.jobwitness.server.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.jobwitness.server.embedded.EmbeddedPostgresFixture.execute;
import static org.jobwitness.server.embedded.EmbeddedPostgresFixture.value;

import org.junit.jupiter.api.Test;

class TestPostgresTest {
    @Test
    void whatOneTestStoresNoOtherSees() throws Exception {
        var one = TestPostgres.freshDatabase();
        var other = TestPostgres.freshDatabase();
        execute(one, "CREATE TABLE mine (id int)");
        assertThat(value(other, "SELECT to_regclass('mine') IS NULL")).isEqualTo("t");
    }

    @Test
    void whatAClassUsedIsGoneAfterItAndTheNextOneGetsItsOwn() throws Exception {
        var used = TestPostgres.freshDatabase();
        TestPostgres.dropDatabases();
        assertThatThrownBy(() -> execute(used, "select 1")).hasMessageContaining("does not exist");
        assertThat(value(TestPostgres.freshDatabase(), "SELECT count(*) FROM job")).isEqualTo("0");
    }
}
