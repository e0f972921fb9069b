package org.jobwitness.cli.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class TextTest {
    private static final Screen NO_TERMINAL = new Screen(60, false, true, false);
    private static final Screen TERMINAL = new Screen(60, true, true, true);

    @Test
    void whatATerminalWouldObeyIsAQuestionMark() {
        for (String hostile : List.of("\u001b[2J", "\u009b31m", "\u0007", "a\rb", "a\nb", "\u202egnp.exe", "\u200b",
                "\u2028",
                "\ud800", "\ue000", "\u007f")) {
            for (Screen screen : List.of(NO_TERMINAL, TERMINAL)) {
                String shown = new Page(screen).paragraph(2, Text.of("job " + hostile + " end")).toString();

                assertThat(shown.strip().codePoints()).as(shown).allMatch(
                        c -> !Character.isISOControl(c) && Character.getType(c) != Character.FORMAT);
                assertThat(shown).contains("?").contains("end");
            }
        }
    }

    @Test
    void onlyOurOwnColoursAreColours() {
        assertThat(Text.of("bad\u001b[0m", Style.BAD).on(TERMINAL)).isEqualTo("\u001b[31mbad?[0m\u001b[0m");
        assertThat(Text.of("bad", Style.BAD).on(NO_TERMINAL)).isEqualTo("bad");
        assertThat(Text.of("“it’s”").on(new Screen(60, false, false, true))).isEqualTo("\"it's\"");
    }

    @Test
    void wideLettersAndMarksAreCountedAsTerminalsDo() {
        assertThat(Text.of("日本").width()).isEqualTo(4);
        assertThat(Text.of("e\u0301").width()).isEqualTo(1);
        assertThat(List.of("⌛", "⚡", "✅", "🚀", "🥐", "한", "ｗ", "〜", "　").stream().map(Text::of).map(Text::width))
                .containsOnly(2);
        assertThat(List.of("█", "▏", "░", "▁", "→", "…", "é", "ß", "я", "א", "ﾊ", "\u303f", "✓", "☁").stream()
                .map(Text::of).map(Text::width)).containsOnly(1);
        assertThat(Text.of("한").width()).isEqualTo(2);
        assertThat(Text.of("🇨🇭").width()).isEqualTo(2);
        assertThat(Text.of("日本語").cut(5, true).plain()).isEqualTo("日本…");
        assertThat(Text.of("abcdef").cut(4, false).plain()).isEqualTo("abc~");
    }

    @Test
    void linesBreakBetweenWordsAndNowhereElseIfThatCanBe() {
        assertThat(Text.of("one two three").wrapped(8, 8)).map(line -> line.plain().strip()).containsExactly("one two",
                "three");
        assertThat(Text.of("x".repeat(25)).wrapped(10, 10)).map(Text::width).containsExactly(10, 10, 5);
        assertThat(Text.of("first others").wrapped(5, 20)).map(line -> line.plain().strip()).containsExactly("first",
                "others");
        assertThat(Text.of("faint words").wrapped(6, 6)).map(Text::width).containsExactly(5, 5);
        assertThat(new Page(new Screen(300, false, true, true)).paragraph(0, Text.of("word ".repeat(50))).toString()
                .lines().toList()).hasSize(3);
    }

    @Test
    void noLineIsWiderThanTheTerminal() {
        Table table = new Table(List.of(Table.Column.left("JOB", 0), Table.Column.left("USER", 2),
                Table.Column.right("TIME", 1), Table.Column.left("NAME", 3)));
        table.row(List.of(Text.of("1"), Text.of("u".repeat(20)), Text.of("t".repeat(30)), Text.of("n".repeat(90))));
        List<String> lines = new Page(new Screen(60, false, true, true)).table(table).toString().lines().toList();

        assertThat(lines).allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(60));
        assertThat(lines.getFirst()).contains("JOB", "USER", "NAME").doesNotContain("TIME");
        assertThat(lines.getLast()).endsWith("n…");
    }

    @Test
    void onPaperNothingIsCutAndEmptyColumnsAreLeftOut() {
        Table table = new Table(List.of(Table.Column.left("JOB", 0), Table.Column.left("GPU", 0),
                Table.Column.left("NAME", 3)));
        table.row(List.of(Text.of("1"), Text.empty(), Text.of("n".repeat(90))));

        assertThat(new Page(NO_TERMINAL).table(table).toString()).isEqualTo("JOB  NAME\n1    " + "n".repeat(90) + "\n");
    }

    @Test
    void barsAndLines() {
        Screen ascii = new Screen(60, false, false, true);

        assertThat(Graph.bar(0.5, 4, Style.PLAIN, NO_TERMINAL).plain()).isEqualTo("██░░");
        assertThat(Graph.bar(7, 4, Style.PLAIN, NO_TERMINAL).plain()).isEqualTo("████");
        assertThat(Graph.bar(0.5, 4, Style.PLAIN, ascii).plain()).isEqualTo("[##..]");
        assertThat(Graph.sparkline(Arrays.asList(0.0, null, 50.0, 100.0), 100, NO_TERMINAL).plain()).isEqualTo("▁ ▅█");
        assertThat(Graph.sparkline(Arrays.asList(0.0, null, 100.0), 100, ascii).plain()).isEqualTo("_ #");
    }

    @Test
    void figuresAsPeopleReadThem() {
        assertThat(List.of(Units.bytes(0), Units.bytes(1023), Units.bytes(1024), Units.mebibytes(1536),
                Units.mebibytes(262144), Units.bytes(1024.0 * 1024 - 1))).containsExactly("0 B", "1023 B", "1.0 KiB",
                        "1.5 GiB", "256 GiB", "1.0 MiB");
        assertThat(List.of(Units.percent(0), Units.percent(3.14), Units.percent(9.96), Units.percent(99.6)))
                .containsExactly("0 %", "3.1 %", "10 %", "100 %");
        assertThat(List.of(Units.duration(8.4), Units.duration(750), Units.duration(3600), Units.duration(183_600)))
                .containsExactly("8 s", "12 min 30 s", "1 h", "2 d 3 h");
        assertThat(List.of(Units.slurmDuration(5), Units.slurmDuration(93_784))).containsExactly("00:00:05",
                "1-02:03:04");
    }

    @Test
    void timesAreOfTheZone() {
        Instant time = Instant.parse("2026-11-22T23:30:00.9Z");

        assertThat(Units.time(time, ZoneOffset.ofHours(1))).isEqualTo("2026-11-23 00:30:00");
        assertThat(Units.timeBeside(time, time.minusSeconds(3600), ZoneOffset.UTC)).isEqualTo("23:30:00");
        assertThat(Units.timeBeside(time, time.minusSeconds(3600), ZoneOffset.ofHours(1)))
                .isEqualTo("2026-11-23 00:30:00");
    }
}
