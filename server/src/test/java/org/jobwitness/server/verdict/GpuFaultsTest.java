package org.jobwitness.server.verdict;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class GpuFaultsTest {
    private static final Pattern ALERT = Pattern.compile("xid_timestamp_seconds\\{xid=~\"([0-9|]+)\"}");

    @Test
    void theAlertIsForTheSameErrorsAsTheVerdict() throws IOException {
        String rules = Files.readString(Path.of("../deploy/prometheus/rules/alerts.yml"));
        String xids = ALERT.matcher(rules).results().map((MatchResult found) -> found.group(1)).findFirst()
                .orElseThrow();
        assertThat(Stream.of(xids.split("\\|")).map(Integer::valueOf))
                .containsExactlyInAnyOrderElementsOf(GpuFaults.fatal());
    }
}
