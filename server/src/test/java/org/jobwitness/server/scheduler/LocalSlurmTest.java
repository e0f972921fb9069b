package org.jobwitness.server.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalSlurmTest {
    @TempDir
    Path root;

    @Test
    void withoutAConfigurationThereIsNone() throws Exception {
        commands("usr/bin", "squeue", "sacct", "scontrol");
        assertThat(LocalSlurm.find(root, Map.of("SLURM_CONF", "slurm.conf"))).isEmpty();
    }

    @Test
    void withItsCommandsTheyAreWhatToSet() throws Exception {
        write("etc/slurm/slurm.conf");
        commands("usr/bin", "squeue", "scontrol"); // of another package than sacct
        commands("usr/local/bin", "squeue", "sacct", "scontrol");
        assertThat(LocalSlurm.find(root, Map.of())).hasValueSatisfying(slurm -> {
            assertThat(slurm.conf()).isEqualTo(Path.of("/etc/slurm/slurm.conf"));
            assertThat(slurm.settings()).isEqualTo("SCHEDULER_BACKEND=slurm and SLURM_COMMANDS=/usr/local/bin");
        });
    }

    @Test
    void withoutCommandsSlurmrestdIsWhatToSet() throws Exception {
        write("etc/slurm/slurm.conf");
        write("srv/site/slurm.conf");
        assertThat(LocalSlurm.find(root, Map.of("SLURM_CONF", "/srv/site/slurm.conf"))).hasValueSatisfying(slurm -> {
            assertThat(slurm.conf()).isEqualTo(Path.of("/srv/site/slurm.conf"));
            assertThat(slurm.settings()).startsWith("SCHEDULER_BACKEND=slurm and SLURM_BASE_URL=http://HOST:6820");
        });
    }

    private void write(String path) throws IOException {
        Path file = root.resolve(path);
        Files.createDirectories(file.getParent());
        Files.writeString(file, "ClusterName=alpha\n");
    }

    private void commands(String folder, String... names) throws IOException {
        for (String name : List.of(names)) {
            write(folder + "/" + name);
            Files.setPosixFilePermissions(root.resolve(folder).resolve(name),
                    PosixFilePermissions.fromString("rwxr-xr-x"));
        }
    }
}
