package org.jobwitness.agent.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** docs/agent.md says of each setting what the code says of it. */
class SettingsDocTest {
    @Test
    void theTableHasALineForEachSettingAndNoOther() throws IOException {
        assertThat(Files.readAllLines(Path.of("../docs/agent.md")).stream()
                .filter(line -> line.matches("\\| `[A-Z_]+` .*")))
                .containsExactlyElementsOf(Arrays.stream(AgentSetting.values())
                        .map(setting -> "| `%s` | `%s` | %s | %s |"
                                .formatted(setting.name(), setting.flag(), setting.byDefault(), setting.effect()))
                        .toList());
    }
}
