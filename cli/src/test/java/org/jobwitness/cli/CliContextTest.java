package org.jobwitness.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneOffset;
import java.util.Map;
import org.jobwitness.cli.text.Page;
import org.jobwitness.cli.text.Screen;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is printed where the locale cannot show all letters, as in jobs of cron. */
class CliContextTest {
    private static final String NAME = "\u0130lker I\u015f\u0131k";

    @ParameterizedTest
    @ValueSource(strings = {"US-ASCII", "ISO-8859-9", "UTF-8", "UTF-16"})
    void dataForProgramsLosesNoLetter(String charset) throws Exception {
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        Screen screen = new Screen(80, false, charset.equals("UTF-8"), false);
        CliContext context = new CliContext(Map.of(), "alice", new PrintStream(printed, true, charset),
                new PrintStream(printed, true, charset), screen, Path.of("/"), Clock.systemUTC(), ZoneOffset.UTC);
        context.print("{\"user\":\"" + NAME + "\"}\n");
        assertThat(printed.toString(StandardCharsets.UTF_8)).isEqualTo("{\"user\":\"" + NAME + "\"}\n");
        printed.reset();
        context.print(new Page(screen).line(NAME));
        assertThat(printed.toString(charset)).as("for people, in the terminal's own").startsWith(
                charset.equals("US-ASCII") ? "?lker I??k" : NAME);
    }
}
