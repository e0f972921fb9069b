package org.jobwitness.agent.cgroup;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jobwitness.agent.cgroup.Scopes.Scope;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Slurm's layouts of cgroup v2, 22.05 to 26.05. */
class ScopesTest {
    @TempDir
    Path folder;
    private CgroupTree tree;

    @BeforeEach
    void root() {
        tree = new CgroupTree(folder);
        tree.folder("system.slice/ssh.service");
        tree.folder("system.slice/system-slurmd.slice/slurmd@n1.service/system");
    }

    private List<Scope> find() {
        return new Scopes(folder, "n0").find();
    }

    @ParameterizedTest
    @CsvSource({"system.slice/slurmstepd.scope, n0", "system.slice/n1_slurmstepd.scope, n1",
            "system.slice/gpu-node_03_slurmstepd.scope, gpu-node_03", "slurm.slice/slurmstepd.scope, n0",
            "machine.slice/docker-0a1b.scope/system.slice/slurmstepd.scope, n0", "slurmstepd.scope, n0"})
    void aScopeAndItsNode(String path, String node) {
        tree.folder(path);
        assertThat(find()).containsExactly(new Scope(folder.resolve(path), node));
    }

    @Test
    void twoNodesOnOneMachine() {
        tree.folder("system.slice/n1_slurmstepd.scope/job_1");
        tree.folder("system.slice/n2_slurmstepd.scope/sEKNKTV3WPV500");
        assertThat(find()).extracting(Scope::node).containsExactlyInAnyOrder("n1", "n2");
    }

    @Test
    void jobsAreWhatIsNamedAsOne() throws Exception {
        Path scope = tree.folder("system.slice/slurmstepd.scope");
        List.of("system", "slurmd", "job_12", "job_13/step_0/user/task_0", "s5K1KKYAYG5D00", "job_x")
                .forEach(name -> tree.folder("system.slice/slurmstepd.scope/" + name));
        tree.write("system.slice/slurmstepd.scope/job_99", "a file");
        Files.createSymbolicLink(scope.resolve("job_98"), scope.resolve("job_12"));
        assertThat(Scopes.jobsIn(scope)).extracting(job -> job.getFileName().toString())
                .containsExactlyInAnyOrder("job_12", "job_13", "s5K1KKYAYG5D00");
        assertThat(Scopes.jobsIn(scope.resolve("gone"))).isEmpty();
    }

    @Test
    void withoutSlurmThereIsNone() {
        assertThat(find()).isEmpty();
        assertThat(new Scopes(folder.resolve("gone"), "n0").find()).isEmpty();
    }
}
