package org.jobwitness.agent.cgroup;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import org.jobwitness.agent.ForeignUser;
import org.jobwitness.agent.cgroup.Scopes.Scope;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

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
        return found().scopes();
    }

    private Scopes.Found found() {
        return new Scopes(folder, "n0", Set.of("n1", "n2", "gpu-node_03")::contains).find();
    }

    @ParameterizedTest
    @CsvSource({"system.slice/slurmstepd.scope, n0", "system.slice/n1_slurmstepd.scope, n1",
            "system.slice/gpu-node_03_slurmstepd.scope, gpu-node_03", "slurm.slice/slurmstepd.scope, n0",
            "system.slice/docker-0a1b.scope/system.slice/slurmstepd.scope, n0",
            "hpc.slice/hpc-slurm.slice/n2_slurmstepd.scope, n2"})
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
        assertThat(new Scopes(folder.resolve("gone"), "n0", _ -> true).find().scopes()).isEmpty();
    }

    /** Wherever users or their machines may make cgroups, or where Slurm makes none. */
    @ParameterizedTest
    @ValueSource(strings = {"user.slice/user-1001.slice/user@1001.service/app.slice/slurmstepd.scope",
            "user.slice/slurmstepd.scope", "machine.slice/libpod-0a1b.scope/system.slice/slurmstepd.scope",
            "system.slice/docker-0a1b.scope/user.slice/slurmstepd.scope", "slurmstepd.scope",
            "system.slice/app.service/slurmstepd.scope"})
    void aFolderThatOnlyHasTheNameOfAScope(String path) {
        tree.folder(path + "/job_4711");
        assertThat(find()).isEmpty();
    }

    @Test
    void aScopeOfAnotherNodeIsIgnored() {
        Path other = tree.folder("system.slice/n9_slurmstepd.scope");
        assertThat(found().scopes()).isEmpty();
        assertThat(found().ignored()).containsExactly(new Scopes.Ignored(other, "n9",
                "no prolog, host name or setting says that n9 is on this host"));
    }

    /** A folder that all may write is not root's alone; nor is one below it. */
    @ParameterizedTest
    @ValueSource(strings = {"", "system.slice/slurmstepd.scope", "system.slice"})
    void aScopeThatOthersMayWrite(String writable) throws Exception {
        Path scope = tree.folder("system.slice/slurmstepd.scope");
        if (writable.isEmpty()) {
            tree.write("system.slice/slurmstepd.scope/cgroup.procs", "");
            setMode(scope.resolve("cgroup.procs"), "rw-rw-r--");
        } else {
            setMode(folder.resolve(writable), "rwxrwxrwx");
        }
        assertThat(find()).isEmpty();
    }

    /** As systemd delegates a subtree: its folder, cgroup.procs and more belong to the user. */
    @ParameterizedTest
    @ValueSource(strings = {"system.slice/app.service", "system.slice/app.service/cgroup.procs",
            "system.slice/app.service/system.slice/slurmstepd.scope"})
    void aScopeInADelegatedSubtree(String delegated) throws Exception {
        tree.folder("system.slice/app.service/system.slice/slurmstepd.scope/job_4711");
        tree.write("system.slice/app.service/cgroup.procs", "");
        assertThat(find()).as("before it is delegated").hasSize(1);
        ForeignUser.own(folder.resolve(delegated));
        assertThat(find()).isEmpty();
    }

    private static void setMode(Path file, String mode) throws IOException {
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(mode));
    }
}
