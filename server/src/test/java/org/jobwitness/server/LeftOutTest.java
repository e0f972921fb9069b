package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import org.jobwitness.server.BadInputTest.Case;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Events and batches of which something cannot be taken, each case of http/left-out.cases: the rest counts. */
class LeftOutTest {
    private static TestServer server;

    @BeforeAll
    static void start() {
        server = TestServer.startWithAuth();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    static List<Case> cases() throws IOException {
        return BadInputTest.cases("/http/left-out.cases");
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void whatCannotBeTakenIsNamedAndTheRestCounts(Case odd) throws IOException {
        Exchange exchange = BadInputTest.send(server, odd);
        assertThat(exchange.status()).as("%s", exchange).isEqualTo(200);
        server.checked(exchange);
        String message = exchange.json().path("message").asString("");
        if (odd.code().equals("unknown")) {
            assertThat(message).as("%s", exchange).doesNotContain("left out:");
        } else {
            assertThat(message).as("%s", exchange).contains("left out: " + odd.field() + " ", odd.inMessage())
                    .doesNotContainPattern("\\p{Cntrl}");
        }
    }
}
