package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.logging.Level;
import java.util.logging.LogRecord;
import org.junit.jupiter.api.Test;

class LogFormatTest {

    @Test
    void noTextMakesALineOfItsOwn() {
        LogRecord event = new LogRecord(Level.WARNING, "a\nb\u2028c\u001b[31m");
        assertThat(new LogFormat.Line().format(event)).matches("\\S+ WARNING a\\\\u000ab\\\\u2028c\\\\u001b\\[31m\n");
    }

    @Test
    void whatWasThrownIsShownWithItsCauses() {
        LogRecord event = new LogRecord(Level.SEVERE, "failed");
        event.setThrown(new IllegalStateException("x\ny", new IllegalArgumentException("z")));
        assertThat(new LogFormat.Line().format(event).lines().filter(line -> !line.startsWith("\tat ")).skip(1))
                .containsExactly("java.lang.IllegalStateException: x\\u000ay",
                        "Caused by: java.lang.IllegalArgumentException: z");
    }
}
