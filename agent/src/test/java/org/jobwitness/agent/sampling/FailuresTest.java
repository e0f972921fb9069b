package org.jobwitness.agent.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jobwitness.agent.log.Log;
import org.junit.jupiter.api.Test;

class FailuresTest {
    private final ByteArrayOutputStream log = new ByteArrayOutputStream();
    private final Failures failures = new Failures(new Log(new PrintStream(log, true, StandardCharsets.UTF_8)));

    @Test
    void whatFailsCostsItselfIsCountedAndLoggedOnce() {
        List<String> read = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            for (String job : List.of("job_5", "job_6")) {
                failures.guard(job, () -> {
                    if (job.equals("job_5")) {
                        throw new IllegalStateException("no figure");
                    }
                    read.add(job);
                });
            }
        }
        assertThat(read).containsExactly("job_6", "job_6", "job_6");
        assertThat(failures.count()).isEqualTo(3);
        assertThat(log.toString(StandardCharsets.UTF_8).lines()).singleElement().asString()
                .contains("sampling_failed of=job_5").contains("no figure");
        assertThat(failures.guarded("job_7", () -> Optional.of("it"))).contains("it");
        assertThat(failures.<String>guarded("job_7", () -> {
            throw new ArithmeticException("overflow");
        })).isEmpty();
        assertThat(log.toString(StandardCharsets.UTF_8).lines()).as("another cause").hasSize(2);
    }
}
