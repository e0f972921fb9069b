package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.RawConnection;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a server without tokens takes: requests of this machine, not those that another site's page makes a browser send. */
class LocalRequestsTest {
    private static TestServer server;

    @BeforeAll
    static void start() {
        server = TestServer.startWithoutDatabase();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            GET    | Host: localhost                                                             | 200
            GET    | Host: localhost:9999                                                        | 200
            GET    | Host: LOCALHOST:8080                                                        | 200
            GET    | Host: 127.0.0.1:8080                                                        | 200
            GET    | Host: 127.1.2.3                                                             | 200
            GET    | Host: [::1]:8080                                                            | 200
            GET    | Host: demo.localhost:8080                                                   | 200
            GET    | Host: rebound.example                                                       | 403
            GET    | Host: rebound.example:8080                                                  | 403
            GET    | Host: localhost.rebound.example                                             | 403
            GET    | Host: 127.0.0.1.rebound.example                                             | 403
            GET    | Host: 10.0.0.1                                                              | 403
            GET    | Host: localhost:8080;Origin: http://localhost:8080                          | 200
            GET    | Host: localhost:8080;Origin: https://localhost:8080                         | 200
            GET    | Host: localhost:8080;Origin: http://localhost:3000                          | 403
            GET    | Host: localhost:8080;Origin: http://other.example                           | 403
            GET    | Host: localhost:8080;Origin: null                                           | 403
            GET    | Host: localhost;Sec-Fetch-Site: same-origin                                 | 200
            GET    | Host: localhost;Sec-Fetch-Site: none                                        | 200
            GET    | Host: localhost;Sec-Fetch-Site: same-site                                   | 403
            GET    | Host: localhost;Sec-Fetch-Site: cross-site;Sec-Fetch-Mode: no-cors          | 403
            GET    | Host: localhost;Sec-Fetch-Site: cross-site;Sec-Fetch-Mode: navigate;\
            Sec-Fetch-Dest: document                                                             | 200
            GET    | Host: localhost;Sec-Fetch-Site: cross-site;Sec-Fetch-Mode: navigate;\
            Sec-Fetch-Dest: iframe                                                               | 403
            """)
    void onlyRequestsOfThisMachineAreTaken(String method, String headers, int status) throws IOException {
        try (RawConnection connection = server.connect()) {
            connection.send(method + " /v1/live HTTP/1.1\r\n" + headers.replace(";", "\r\n") + "\r\n\r\n");
            Exchange response = server.checked(connection.receive(method, "/v1/live", ""));
            assertThat(response.status()).as("%s", response).isEqualTo(status);
            assertThat(response.header("X-Content-Type-Options")).contains("nosniff");
            assertThat(response.header("Cache-Control")).contains("no-store");
        }
    }

    @ParameterizedTest
    @CsvSource({"cross-site,403", "same-origin,503"})
    void noLinkOfAnotherPageChangesAnything(String site, int status) throws IOException {
        try (RawConnection connection = server.connect()) {
            connection.send("DELETE /v1/jobs/1 HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: " + site
                    + "\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nX-Changed-By: a\r\nX-Source: b\r\n\r\n");
            assertThat(connection.receive("DELETE", "/v1/jobs/1", "").status()).isEqualTo(status);
        }
    }
}
