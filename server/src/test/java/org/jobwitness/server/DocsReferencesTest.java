package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What the docs refer to is there: pages and their headings, files, classes and their methods, tests. */
class DocsReferencesTest {
    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
    /** Where files of ours lie; what is beside them was built, and may vanish while we look. */
    private static final List<String> FOLDERS = List.of("", "agent/src", "bench", "bench/src", "cli/src", "docs",
            "server/src",
            "slurm",
            "slurm/captured", "slurm/src", "soak/src");
    private static final List<String> SOURCES = List.of("wire/src/main/java/org/jobwitness",
            "server/src/main/java/org/jobwitness/server", "agent/src/main/java/org/jobwitness/agent");
    private static final Pattern LINK = Pattern.compile("\\]\\((?!https?:)([^)#\\s]*)(?:#([^)\\s]+))?\\)");
    private static final Pattern HEADING = Pattern.compile("^#+ (.*)$", Pattern.MULTILINE);
    /** As {@code job.JobLifecycle.decide}, in a package of the server or in wire. */
    private static final Pattern MEMBER = Pattern.compile("`([a-z]+)\\.([A-Z]\\w+)(?:\\.([a-z]\\w*))?`");
    /** A file of the repository; what ends in a pattern or was built is none. */
    private static final Pattern FILE = Pattern
            .compile("`((?:agent/src|bench|cli/src|deploy|docs|e2e|server/src|slurm|soak/src|wire)/[\\w./-]*[\\w/])`");
    private static final Pattern TEST = Pattern.compile("`(\\w+Test)`");

    @Test
    void everyLinkLeadsSomewhere() throws IOException {
        for (Path page : pages()) {
            for (MatchResult link : in(page, LINK)) {
                Path target = link.group(1).isEmpty() ? page : page.resolveSibling(link.group(1)).normalize();
                assertThat(target).as("link of %s", page).exists();
                if (link.group(2) != null) {
                    assertThat(in(target, HEADING).stream().map(heading -> anchor(heading.group(1))))
                            .as("headings of %s, for a link of %s", target, page).contains(link.group(2));
                }
            }
        }
    }

    /** As GitHub makes it. */
    private static String anchor(String heading) {
        return heading.toLowerCase(Locale.ROOT).replaceAll("[^\\p{L}\\p{N} _-]", "").replace(' ', '-');
    }

    @Test
    void everyFileThatAPageNamesIsThere() throws IOException {
        int found = 0;
        for (Path page : pages()) {
            for (MatchResult file : in(page, FILE)) {
                assertThat(ROOT.resolve(file.group(1))).as("named in %s", page).exists();
                found++;
            }
        }
        assertThat(found).isGreaterThan(20);
    }

    @Test
    void everyClassThatThePlanNamesIsThere() throws IOException {
        Path plan = ROOT.resolve("docs/architecture.md");
        List<MatchResult> members = in(plan, MEMBER);
        assertThat(members).hasSizeGreaterThan(10);
        for (MatchResult member : members) {
            String name = member.group(1) + "/" + member.group(2) + ".java";
            Path file = SOURCES.stream().map(sources -> ROOT.resolve(sources).resolve(name)).filter(Files::exists)
                    .findFirst().orElseThrow(() -> new AssertionError(member.group() + " is nowhere"));
            if (member.group(3) != null) {
                assertThat(Files.readString(file)).as(member.group()).contains(" " + member.group(3) + "(");
            }
        }
    }

    @Test
    void everyTestThatAPageNamesIsThere() throws IOException {
        Set<String> tests = files("Test.java").stream()
                .map(file -> file.getFileName().toString().replace(".java", "")).collect(Collectors.toSet());
        for (Path page : pages()) {
            assertThat(in(page, TEST).stream().map(test -> test.group(1))).as("tests in %s", page).isSubsetOf(tests);
        }
    }

    private static List<MatchResult> in(Path page, Pattern pattern) throws IOException {
        return pattern.matcher(Files.readString(page)).results().toList();
    }

    private static List<Path> pages() throws IOException {
        return files(".md");
    }

    private static List<Path> files(String ending) throws IOException {
        Set<Path> found = new TreeSet<>();
        for (String folder : FOLDERS) {
            boolean deep = folder.contains("/") || folder.equals("docs");
            try (Stream<Path> files = Files.walk(ROOT.resolve(folder), deep ? Integer.MAX_VALUE : 1)) {
                files.filter(file -> file.toString().endsWith(ending)).forEach(found::add);
            }
        }
        return List.copyOf(found);
    }
}
