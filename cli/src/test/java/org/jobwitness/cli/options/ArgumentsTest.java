package org.jobwitness.cli.options;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Problem.Kind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ArgumentsTest {
    private static final Option ALL = Option.flag("--all", "All of them.").orLetter("-a");
    private static final Option USER = Option.of("--user", "NAME", "Of this user.").orLetter("-u");
    private static final Option LIMIT = Option.of("--limit", "COUNT", "At most this many.");
    private static final Option WATCH = Option.optional("--watch", "SECONDS", "Again and again.");

    private static Arguments parse(String line) throws Problem {
        return Arguments.parse(List.of(ALL, USER, LIMIT), List.of(line.split(" ")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"--user=bob 7", "--user bob 7", "-u bob 7", "-ubob 7", "-u=bob 7", "7 --user=bob",
            "--user=alice -u bob 7", "-u bob -- 7"})
    void aValueIsBesideOrBehindItsOption(String line) throws Problem {
        Arguments arguments = parse(line);

        assertThat(arguments.value(USER)).isEqualTo("bob");
        assertThat(arguments.operand(0)).isEqualTo("7");
        assertThat(arguments.has(ALL)).isFalse();
        arguments.expectOperands(List.of("ID"));
    }

    @Test
    void aValueMayBeEmptyOrLookLikeAnOption() throws Problem {
        assertThat(parse("--user=").value(USER)).isEmpty();
        assertThat(parse("--user -start").value(USER)).isEqualTo("-start");
        assertThat(parse("--user=a=b").value(USER)).isEqualTo("a=b");
    }

    @Test
    void aValueMayBeOptional() throws Problem {
        List<Option> known = List.of(WATCH);

        assertThat(Arguments.parse(known, List.of("--watch", "7")).value(WATCH)).isEmpty();
        assertThat(Arguments.parse(known, List.of("--watch", "7")).operand(0)).isEqualTo("7");
        assertThat(Arguments.parse(known, List.of("--watch=5")).value(WATCH)).isEqualTo("5");
        assertThat(Arguments.parse(known, List.of("7")).value(WATCH)).isNull();
        assertThat(WATCH.usage()).endsWith("--watch[=SECONDS]");
    }

    @Test
    void behindTwoDashesNothingIsAnOption() throws Problem {
        Arguments arguments = parse("-a -- --user");

        assertThat(arguments.has(ALL)).isTrue();
        assertThat(arguments.value(USER)).isNull();
        assertThat(arguments.operand(0)).isEqualTo("--user");
    }

    @ParameterizedTest
    @CsvSource({"--users=bob, unknown option --users=bob; did you mean --user?", "-x, unknown option -x",
            "--sort, unknown option --sort", "-all, unknown option -all; did you mean --all?",
            "--lim=3, unknown option --lim=3; did you mean --limit?",
            "--lmiit=3, unknown option --lmiit=3; did you mean --limit?",
            "--all=1, --all takes no value", "--user, --user needs a value: NAME", "-u, --user needs a value: NAME"})
    void whatNoOptionAllowsIsRefused(String line, String message) {
        assertThatThrownBy(() -> parse(line)).isInstanceOfSatisfying(Problem.class,
                problem -> assertThat(problem.kind()).isEqualTo(Kind.USAGE)).hasMessage(message);
    }

    @Test
    void aNumberHasItsBounds() throws Problem {
        assertThat(parse("--limit=3").number(LIMIT, 1, 1, 9)).isEqualTo(3);
        assertThat(parse("-a").number(LIMIT, 1, 1, 9)).isEqualTo(1);
        for (String wrong : List.of("0", "10", "x", "", "3.5", "99999999999999999999")) {
            assertThatThrownBy(() -> parse("--limit=" + wrong).number(LIMIT, 1, 1, 9))
                    .hasMessage("--limit must be 1..9, was \"" + wrong + "\"");
        }
    }

    @Test
    void operandsAreAsManyAsNamed() {
        assertThatThrownBy(() -> parse("-a").expectOperands(List.of("ID"))).hasMessage("ID is missing");
        assertThatThrownBy(() -> parse("7 8").expectOperands(List.of("ID")))
                .hasMessage("unexpected argument \"8\"");
    }
}
