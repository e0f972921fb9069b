package org.jobwitness.server.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.regex.Pattern;
import org.jobwitness.server.testing.Exchange;
import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class DocsEndpointTest {
    private static final Pattern LINK = Pattern.compile("(?:href|src)=\"([^\"]*)\"");
    private static TestServer server;

    @BeforeAll
    static void start() {
        server = TestServer.startWithAuth();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @Test
    void thePageLoadsNothingFromElsewhereAndMayNotBeFramed() {
        Exchange page = browse("/docs");
        assertThat(page.status()).isEqualTo(200);
        assertThat(page.header("Content-Type")).hasValue("text/html;charset=utf-8");
        assertThat(page.header("X-Content-Type-Options")).hasValue("nosniff");
        assertThat(page.header("Content-Security-Policy")).hasValueSatisfying(policy -> assertThat(policy)
                .startsWith("default-src 'none'; ").contains("frame-ancestors 'none'")
                .doesNotContain("unsafe", "http"));
        assertThat(links(page)).isNotEmpty().allSatisfy(link -> assertThat(link).matches("data:,|/[^/].*")).filteredOn(
                link -> link.startsWith("/")).allSatisfy(link -> assertThat(browse(link).status()).isEqualTo(200));
    }

    private static Exchange browse(String path) {
        return server.anonymous().send("GET", path, "", "Accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    }

    private static List<String> links(Exchange page) {
        return LINK.matcher(page.body()).results().map(link -> link.group(1)).toList();
    }
}
