package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.SQLException;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.Test;

/** What /v1/health and /v1/ready make of what is wrong. */
class HealthTest {
    @Test
    void whatIsNotPackedIsNotHealthyButNoReasonToServeNobody() throws SQLException {
        try (TestServer server = TestServer.start();
                var connection = server.sql();
                var statement = connection.createStatement()) {
            Exchange healthy = server.get("/v1/health");
            assertThat(healthy.status()).isEqualTo(200);
            assertThat(healthy.json().required("checks").required("database").asString()).isEqualTo("ok");
            assertThat(healthy.json().required("checks").required("seal").asString()).isEqualTo("ok");

            connection.setAutoCommit(false);
            statement.execute("update sample_buffer set activated_at = now() - interval '4 hours'");
            statement.execute("""
                    create function full_disk() returns trigger language plpgsql
                    as $$ begin raise exception 'no space left on device'; end $$""");
            statement.execute("create trigger full_disk before update on sample_buffer execute function full_disk()");
            connection.commit();

            Exchange unhealthy = server.get("/v1/health");
            assertThat(unhealthy.status()).isEqualTo(503);
            assertThat(unhealthy.json().required("checks").required("database").asString()).isEqualTo("ok");
            assertThat(unhealthy.json().required("checks").required("seal").asString())
                    .startsWith("no hour of samples has been packed since ");
            assertThat(server.get("/v1/ready").status()).isEqualTo(200);
        }
    }
}
