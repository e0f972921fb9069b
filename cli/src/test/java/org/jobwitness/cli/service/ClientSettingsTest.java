package org.jobwitness.cli.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jobwitness.cli.service.ClientSettings.Typed;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClientSettingsTest {
    private static final Typed NOTHING = new Typed(null, null, null);

    @TempDir
    Path home;

    private ConfFile conf(String... lines) throws IOException, Problem {
        return ConfFile.read(Files.writeString(home.resolve("jobwitness.conf"), String.join("\n", lines)));
    }

    private Path token(String name, String content) throws IOException {
        Path file = home.resolve(name);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, content);
    }

    @Test
    void whatWasTypedGoesBeforeTheEnvironmentAndThatBeforeTheFile() throws IOException, Problem {
        ConfFile conf = conf("# ours", "OBSERVABILITY_API_URL=\"http://file:1/\"");
        Map<String, String> environment = Map.of("JOBWITNESS_URL", "http://environment:2");

        assertThat(ClientSettings.read(NOTHING, Map.of(), List.of(ConfFile.read(home.resolve("none")))).where())
                .isEqualTo("http://localhost:8080 (the default)");
        assertThat(ClientSettings.read(NOTHING, Map.of(), List.of(conf)).where())
                .isEqualTo("http://file:1 (from OBSERVABILITY_API_URL in " + conf.path() + ")");
        assertThat(ClientSettings.read(NOTHING, environment, List.of(conf)).where())
                .isEqualTo("http://environment:2 (from JOBWITNESS_URL)");
        assertThat(ClientSettings.read(new Typed("https://typed", null, null), environment, List.of(conf)).where())
                .isEqualTo("https://typed (from --url)");
    }

    /** What the command's own file leaves open, that of the scripts may have. */
    @Test
    void theCommandsOwnFileGoesBeforeThatOfTheScripts() throws IOException, Problem {
        ConfFile own = ConfFile.read(Files.writeString(home.resolve("client.conf"), "JOBWITNESS_URL=http://own:1\n"));
        ConfFile empty = ConfFile.read(Files.writeString(home.resolve("empty.conf"), "#JOBWITNESS_URL=http://no:1\n"));
        ConfFile scripts = conf("OBSERVABILITY_API_URL=http://scripts:2", "JOBWITNESS_URL=http://users:3");

        assertThat(ClientSettings.read(NOTHING, Map.of(), List.of(own, scripts)).url()).hasToString("http://own:1");
        assertThat(ClientSettings.read(NOTHING, Map.of(), List.of(empty, scripts)).url())
                .hasToString("http://users:3");
    }

    @Test
    void theAgentsTokenIsNotTheUsers() throws IOException, Problem {
        ConfFile conf = conf("OBSERVABILITY_TOKEN_FILE=" + token("agent.token", "0123456789abcdef\n"));

        assertThat(ClientSettings.read(NOTHING, Map.of(), List.of(conf)).token()).isEmpty();
    }

    @Test
    void theUsersOwnTokenIsFound() throws IOException, Problem {
        Path own = token(".config/jobwitness/token", "abc123\n");
        Map<String, String> environment = Map.of("HOME", home.toString(), "JOBWITNESS_URL", "https://away.example.org");

        assertThat(ClientSettings.read(NOTHING, environment, List.of(conf())).token())
                .contains(new ClientSettings.Token("abc123", own));
    }

    @Test
    void theTokenOfAServerOfThisMachineGoesNowhereElse() throws IOException, Problem {
        token(".local/share/jobwitness/operator.token", "secret\n");
        Map<String, String> environment = Map.of("HOME", home.toString());

        assertThat(ClientSettings.read(NOTHING, environment, List.of(conf())).token()).map(ClientSettings.Token::value)
                .contains("secret");
        assertThat(ClientSettings.read(new Typed("https://away.example.org", null, null), environment, List.of(conf()))
                .token())
                .isEqualTo(Optional.empty());
    }

    @Test
    void whatCannotBeIsRefusedAndSaysWhatCan() throws IOException, Problem {
        ConfFile conf = conf();
        Path noToken = token("bad", "two words\n");

        for (String url : new String[]{"jobwitness.example.org", "ftp://x", "http://", "http://u:p@x", "http://x/?q=1",
                "http://x#y", "http://a b"}) {
            assertThatThrownBy(() -> ClientSettings.read(new Typed(url, null, null), Map.of(), List.of(conf)))
                    .isInstanceOf(Problem.class).hasMessageContaining("https://jobwitness.example.org");
        }
        assertThatThrownBy(
                () -> ClientSettings.read(new Typed(null, noToken.toString(), null), Map.of(), List.of(conf)))
                .hasMessageContaining("holds no token");
        assertThatThrownBy(() -> ClientSettings.read(new Typed(null, home + "/none", null), Map.of(), List.of(conf)))
                .hasMessageStartingWith("the token file " + home + "/none does not exist; ask");
        assertThatThrownBy(() -> ClientSettings.read(new Typed(null, home.toString(), null), Map.of(), List.of(conf)))
                .hasMessageStartingWith("the token file " + home + " cannot be read: ");
        assertThatThrownBy(() -> ClientSettings.read(NOTHING, Map.of("JOBWITNESS_TIMEOUT", "soon"), List.of(conf)))
                .hasMessageContaining("0.1..300");
        assertThat(ClientSettings.read(NOTHING, Map.of("JOBWITNESS_TIMEOUT", "0.5"), List.of(conf)).timeout())
                .isEqualTo(Duration.ofMillis(500));
    }
}
