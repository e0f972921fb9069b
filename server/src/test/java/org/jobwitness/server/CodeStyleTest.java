package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Names of constants and sizes of functions and statements in the main code of all modules, by a simple scan of the sources. */
class CodeStyleTest {
    private static final Path ROOT = Path.of("..");
    private static final int MAX_FUNCTION_LINES = 45;
    /** Text blocks, strings, characters, comments. */
    private static final Pattern IGNORED = Pattern.compile(String.join("|", "\"\"\".*?\"\"\"",
            "\"[^\"\\\\\\n]*+(?:\\\\.[^\"\\\\\\n]*+)*+\"", "'(?:[^'\\\\\\n]|\\\\[^\\n]{1,5})'", "//[^\\n]*",
            "/\\*.*?\\*/"),
            Pattern.DOTALL);
    /** MAX_, MIN_, TIMEOUT, TTL and INTERVAL say the same in the words of the field. */
    private static final Pattern OLD_CONSTANT = Pattern
            .compile("\\b(?:MOST|LONGEST|LEAST|SHORTEST|PATIENCE|SILENCE|STAYS|APART)(?:_[A-Z0-9_]+)?\\b");
    /** Up to the brace that opens its body: name, parameters, exceptions. */
    private static final Pattern FUNCTION = Pattern.compile(
            "^ +(?!.*\\b(?:record|new|return|else|throw|case)\\b)(?:[\\w<>\\[\\].,?&@ ]+ )?(\\w+)\\([^;{}]*\\)\\s*(?:throws [\\w., \\n]+)?\\{",
            Pattern.MULTILINE);
    private static final Set<String> KEYWORDS = Set.of("if", "for", "while", "switch", "catch", "try", "synchronized");
    private static final Pattern TERNARY = Pattern.compile("\\s\\?\\s(?!extends|super)");
    private static final Pattern FOUR_NULLS = Pattern.compile("\\bnull(?:\\s*,\\s*null){3}");

    /** Its constructor is the wiring of the whole server. */
    private static final String WIRING = "Server.Server";
    /** The one place of each record where it is made with nothing known. */
    private static final Set<String> NOTHING_KNOWN = Set.of("EndEvidence.null", "JobAttributes.null", "RunGpus.null");

    private final TreeMap<String, String> code = new TreeMap<>();

    CodeStyleTest() throws IOException {
        try (Stream<Path> modules = Files.list(ROOT)) {
            for (Path sources : modules.map(module -> module.resolve("src/main/java")).filter(Files::isDirectory)
                    .toList()) {
                try (Stream<Path> files = Files.walk(sources)) {
                    files.filter(file -> file.toString().endsWith(".java"))
                            .forEach(file -> code.put(ROOT.relativize(file).toString(), withoutTexts(read(file))));
                }
            }
        }
    }

    @Test
    void constantsAreNamedInTheWordsOfTheField() {
        assertThat(found(text -> matches(OLD_CONSTANT, text).map(MatchResult::group))).isEmpty();
    }

    @Test
    void noFunctionIsLong() {
        assertThat(found(CodeStyleTest::longFunctions)).containsExactly(WIRING);
    }

    @Test
    void noStatementHasThreeTernaries() {
        assertThat(found(text -> Stream.of(text.split("[;{}]")).filter(part -> matches(TERNARY, part).count() > 2)
                .map(_ -> "?"))).isEmpty();
    }

    @Test
    void noCallHasFourNullsInARow() {
        assertThat(found(text -> matches(FOUR_NULLS, text).map(_ -> "null")))
                .containsExactlyInAnyOrderElementsOf(NOTHING_KNOWN);
    }

    /** What is found in a file, each as {@code Class.what}. */
    private Set<String> found(Function<String, Stream<String>> search) {
        return code.entrySet().stream().flatMap(file -> search.apply(file.getValue())
                .map(what -> Path.of(file.getKey()).getFileName().toString().replace(".java", "." + what)))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static Stream<String> longFunctions(String text) {
        return matches(FUNCTION, text).filter(function -> !KEYWORDS.contains(function.group(1)))
                .filter(function -> lines(text, function.start(),
                        endOfBlock(text, function.end())) > MAX_FUNCTION_LINES)
                .map(function -> function.group(1));
    }

    private static int endOfBlock(String text, int afterBrace) {
        int depth = 1;
        int at = afterBrace;
        for (; depth > 0; at++) {
            depth += switch (text.charAt(at)) {
                case '{' -> 1;
                case '}' -> -1;
                default -> 0;
            };
        }
        return at;
    }

    private static long lines(String text, int from, int to) {
        return text.substring(from, to).lines().count();
    }

    private static Stream<MatchResult> matches(Pattern pattern, String text) {
        return pattern.matcher(text).results();
    }

    /** With blanks in place of comments and literals, so that lines stay. */
    private static String withoutTexts(String source) {
        return IGNORED.matcher(source)
                .replaceAll(match -> Matcher.quoteReplacement(match.group().replaceAll("[^\\n]", " ")));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
