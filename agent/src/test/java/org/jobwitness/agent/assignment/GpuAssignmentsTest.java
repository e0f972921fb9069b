package org.jobwitness.agent.assignment;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jobwitness.agent.assignment.Assignment.Ambiguous;
import org.jobwitness.agent.assignment.Assignment.Free;
import org.jobwitness.agent.assignment.Assignment.Held;
import org.jobwitness.agent.assignment.Assignment.Partitioned;
import org.jobwitness.agent.assignment.Assignment.Shared;
import org.jobwitness.agent.gpu.GpuName;
import org.jobwitness.agent.gpu.GpuProcess;
import org.jobwitness.agent.gpu.GpuState;
import org.jobwitness.wire.GpuVendor;
import org.junit.jupiter.api.Test;

/** Nodes with GPUs named GPU-a, GPU-b ... in the order of their addresses, and jobs 5, 6 ... */
class GpuAssignmentsTest {
    private final List<GpuState> gpus = new ArrayList<>();
    private final List<PrologClaim> claims = new ArrayList<>();
    private final Map<Integer, ProcessOwner> owners = new TreeMap<>();

    private static GpuState state(GpuName name, Integer... pids) {
        return new GpuState(name, null, null, null, null, null, null, null, List.of(), null, List.of(),
                Arrays.stream(pids).map(pid -> new GpuProcess(pid, null, null)).toList(), Map.of());
    }

    private static String uuid(int index) {
        return "GPU-" + (char) ('a' + index);
    }

    /** GPUs, each with the processes on it. */
    private GpuAssignmentsTest gpus(Integer[]... processes) {
        for (Integer[] on : processes) {
            int index = gpus.size();
            gpus.add(state(new GpuName(GpuVendor.NVIDIA, uuid(index), "00000000:%02x:00.0".formatted(index + 1), index,
                    index, null, null), on));
        }
        return this;
    }

    private static Integer[] on(Integer... pids) {
        return pids;
    }

    /** A job, and what its prolog named. */
    private GpuAssignmentsTest job(String id, String... devices) {
        claims.add(new PrologClaim(id, List.of(devices), null, null));
        return this;
    }

    private GpuAssignmentsTest unheard(String id) {
        claims.add(new PrologClaim(id, null, null, null));
        return this;
    }

    /** A process and its job; of none, or hidden. */
    private GpuAssignmentsTest process(int pid, String jobId) {
        owners.put(pid, new ProcessOwner.Job(jobId));
        return this;
    }

    private GpuAssignments holders() {
        return new GpuAssignments(gpus, claims, false, pid -> owners.getOrDefault(pid, new ProcessOwner.NoJob()));
    }

    private List<Assignment> assignments() {
        return holders().assignments();
    }

    // --- witnesses that agree ---------------------------------------------------------------------------------------

    @Test
    void aGpuThatThePrologNamedIsHeldThoughNothingRunsOnIt() {
        gpus(on(), on(), on()).job("5", "GPU-b").job("6", "0");
        assertThat(assignments()).containsExactly(new Held("6"), new Held("5"), new Free());
        assertThat(holders().processes("5", 1)).as("held and idle").isZero();
    }

    @Test
    void processesOfTheJobAreCounted() {
        gpus(on(11, 12, 13), on()).job("5", "0,1".split(",")).process(11, "5").process(12, "5");
        assertThat(assignments()).containsExactly(new Held("5"), new Held("5"));
        assertThat(holders().processes("5", 0)).as("13 is the node's own").isEqualTo(2);
    }

    /** In the order of addresses, with these minors. */
    private GpuAssignmentsTest minors(int... minors) {
        for (int index = 0; index < minors.length; index++) {
            gpus.add(state(minor(index, minors[index])));
        }
        return this;
    }

    private static GpuName minor(int index, int minor) {
        return new GpuName(GpuVendor.NVIDIA, uuid(index), "00000000:%02x:00.0".formatted(index + 1), minor, index,
                null, null);
    }

    private void running(int position, int pid) {
        gpus.set(position, state(gpus.get(position).name(), pid));
    }

    private static Ambiguous mayBeEither(String job, String index) {
        return new Ambiguous(List.of(job), "Slurm gave index " + index + " to job " + job
                + ", which may be a place in the order of PCI addresses or a minor number");
    }

    @Test
    void anIndexMayBeAPlaceInTheOrderOfAddressesOrAMinor() {
        minors(2, 3, 0, 1).job("5", "0");
        assertThat(assignments()).containsExactly(mayBeEither("5", "0"), new Free(), mayBeEither("5", "0"),
                new Free());
        claims.clear();
        job("5", "0", "2");
        assertThat(assignments()).as("both orders mean the same two").containsExactly(new Held("5"), new Free(),
                new Held("5"), new Free());
    }

    @Test
    void theOrderThatExplainsAllProcessesIsTaken() {
        minors(2, 3, 0, 1).job("5", "0").job("6", "2").process(11, "5").process(12, "6");
        running(2, 11);
        running(0, 12);
        assertThat(assignments()).as("minors").containsExactly(new Held("6"), new Free(), new Held("5"), new Free());
        assertThat(holders().remarks()).isEmpty();
        running(0, 11);
        running(2, 12);
        assertThat(assignments()).as("addresses").containsExactly(new Held("5"), new Free(), new Held("6"),
                new Free());
    }

    @Test
    void oneJobsProcessesTellTheOrderForOthers() {
        minors(2, 3, 0, 1).job("5", "1").job("6", "2").process(11, "5");
        running(3, 11);
        assertThat(assignments()).containsExactly(new Held("6"), new Free(), new Free(), new Held("5"));
    }

    @Test
    void aJobOnMoreGpusThanItWasGivenShowsNoOrder() {
        minors(1, 0).job("5", "0").process(11, "5").process(12, "5");
        running(0, 11);
        running(1, 12);
        assertThat(assignments()).allSatisfy(one -> assertThat(one).isInstanceOf(Ambiguous.class));
    }

    @Test
    void whereIndexesAreSeenToBeNoKnownOrderIdleJobsAreUnsure() {
        minors(0, 1, 2, 3).job("5", "0").job("6", "1").process(11, "5");
        running(3, 11);
        assertThat(assignments()).satisfiesExactly(
                one -> assertThat(one).isInstanceOfSatisfying(Ambiguous.class,
                        it -> assertThat(it.jobIds()).containsExactly("6")),
                two -> assertThat(two).isInstanceOfSatisfying(Ambiguous.class,
                        it -> assertThat(it.jobIds()).containsExactly("6")),
                three -> assertThat(three).isInstanceOfSatisfying(Ambiguous.class,
                        it -> assertThat(it.jobIds()).containsExactly("6")),
                four -> assertThat(four).isEqualTo(new Held("5")));
    }

    @Test
    void minorsOfAmdAreCountedFromTheFirst() {
        for (int index = 0; index < 2; index++) {
            gpus.add(state(new GpuName(GpuVendor.AMD, null, "00000000:0%d:00.0".formatted(index), 129 - index, index,
                    null, null)));
        }
        job("5", "0").process(11, "5");
        running(1, 11);
        assertThat(assignments()).containsExactly(new Free(), new Held("5"));
    }

    @Test
    void migInstancesAreHeldEachForItself() {
        gpus.add(state(new GpuName(GpuVendor.NVIDIA, "GPU-a", "00000000:01:00.0", 0, null, null, null)));
        for (String instance : List.of("MIG-1", "MIG-2", "MIG-GPU-a/9/0")) {
            gpus.add(state(new GpuName(GpuVendor.NVIDIA, instance, "00000000:01:00.0", 0, null, "GPU-a", null)));
        }
        job("5", "MIG-1").job("6", "MIG-GPU-a/9/0");
        assertThat(assignments()).containsExactly(new Partitioned(), new Held("5"), new Free(), new Held("6"));
    }

    @Test
    void whoHoldsTheWholeHoldsItsParts() {
        gpus.add(state(new GpuName(GpuVendor.NVIDIA, "GPU-a", "00000000:01:00.0", 0, 0, null, null)));
        gpus.add(state(new GpuName(GpuVendor.NVIDIA, "MIG-1", "00000000:01:00.0", 0, null, "GPU-a", null), 11));
        job("5", "GPU-a").process(11, "5");
        assertThat(assignments()).containsExactly(new Held("5"), new Held("5"));
    }

    @Test
    void aGpuThatWasGivenToSeveralIsShared() {
        gpus(on(11)).job("5", "0").job("6", "0").process(11, "5");
        assertThat(assignments()).containsExactly(new Shared(List.of("5", "6")));
    }

    @Test
    void indexesOfTwoVendorsNeedTheVendor() {
        gpus(on());
        gpus.add(state(new GpuName(GpuVendor.AMD, "GPU-0123456789abcdef", "00000000:83:00.0", 128, 0, null, null)));
        claims.add(new PrologClaim("5", List.of("0"), GpuVendor.AMD, null));
        assertThat(assignments()).containsExactly(new Free(), new Held("5"));
        claims.set(0, new PrologClaim("5", List.of("0"), null, null));
        assertThat(assignments()).hasOnlyElementsOfType(Ambiguous.class);
    }

    // --- one witness ------------------------------------------------------------------------------------------------

    @Test
    void processesTellWhereNobodyHeardTheProlog() {
        gpus(on(11), on()).unheard("5").process(11, "5");
        assertThat(assignments()).containsExactly(new Held("5"),
                new Ambiguous(List.of("5"), "the prolog event of job 5 was not seen"));
    }

    @Test
    void whatAJobsEnvironmentSaysIsNoProof() {
        gpus(on(), on());
        claims.add(new PrologClaim("5", null, null, "1"));
        assertThat(assignments()).containsOnly(
                new Ambiguous(List.of("5"),
                        "the prolog event of job 5 was not seen; its environment has SLURM_JOB_GPUS=1"));
    }

    @Test
    void aGpuIsFreeOnlyIfAllJobsAreKnown() {
        gpus(on(), on()).job("5", "1").job("6");
        assertThat(assignments()).containsExactly(new Free(), new Held("5"));
        assertThat(new GpuAssignments(gpus, claims, true, _ -> new ProcessOwner.NoJob()).assignments()).containsExactly(
                new Ambiguous(List.of(), "a job on the node has an unknown id"), new Held("5"));
    }

    @Test
    void aDeviceThatNoDriverKnowsIsNoneOfThoseThatAreKnown() {
        gpus(on(), on(), on()).job("5", "GPU-x").job("6", "0").job("7", "7");
        assertThat(assignments()).containsExactly(new Held("6"), new Free(), new Free());
        assertThat(holders().remarks()).contains("Slurm gave 7 to job 7, and no driver knows it");
        gpus.add(state(new GpuName(GpuVendor.NVIDIA, null, null, 3, null, null, null)));
        assertThat(assignments()).containsExactly(new Held("6"), new Free(), new Free(),
                new Ambiguous(List.of("5", "7"), "Slurm gave GPU-x to job 5, and no driver knows it"));
    }

    @Test
    void aPartitionOfAnotherNameMayBeAnyThatNobodyHolds() {
        gpus(on(), on());
        gpus.add(state(new GpuName(GpuVendor.NVIDIA, "MIG-1", "00000000:01:00.0", 0, null, "GPU-a", null)));
        gpus.add(state(new GpuName(GpuVendor.NVIDIA, "MIG-2", "00000000:01:00.0", 0, null, "GPU-a", null)));
        job("5", "MIG-GPU-a/9/0").job("6", "MIG-2");
        assertThat(assignments().getLast()).isEqualTo(new Held("6"));
        assertThat(assignments().subList(0, 3)).containsExactly(new Partitioned(), new Free(),
                new Ambiguous(List.of("5"), "Slurm gave MIG-GPU-a/9/0 to job 5, and no driver knows it"));
    }

    @Test
    void aProcessThatIsHiddenMakesNoGpuFree() {
        gpus(on(11), on(12)).job("5", "1");
        owners.put(11, new ProcessOwner.Unreadable());
        owners.put(12, new ProcessOwner.Unreadable());
        GpuAssignments holders = holders();
        assertThat(holders.assignments()).containsExactly(
                new Ambiguous(List.of(), "/proc does not show the job of a process on it"), new Held("5"));
        assertThat(holders.hasUnreadableProcess(1)).isTrue();
    }

    // --- witnesses that disagree ------------------------------------------------------------------------------------

    @Test
    void processesTellTheOrderOfIndexes() {
        gpus(on(), on(11)).job("5", "0").process(11, "5");
        GpuAssignments holders = holders();
        assertThat(holders.assignments()).containsExactly(new Free(), new Held("5"));
        assertThat(holders.remarks())
                .containsExactly("Slurm's indexes of job 5 are 0, and its processes are on others in "
                        + "the order of PCI addresses: 1 (00000000:02:00.0)");
    }

    @Test
    void processesOnFewerGpusThanGivenTellOnlyOfThese() {
        gpus(on(), on(), on(11), on()).job("5", "0", "1").process(11, "5");
        assertThat(assignments()).satisfiesExactly(one -> assertThat(one).isInstanceOf(Ambiguous.class),
                two -> assertThat(two).isInstanceOf(Ambiguous.class),
                three -> assertThat(three).isEqualTo(new Held("5")),
                four -> assertThat(four).isEqualTo(new Free()));
    }

    @Test
    void aProcessOnAGpuOfAnotherJobIsADisagreement() {
        gpus(on(11), on()).job("5", "GPU-a").job("6", "GPU-b").process(11, "6");
        assertThat(assignments()).containsExactly(
                new Ambiguous(List.of("5", "6"),
                        "a process of job 6 is on it, and Slurm did not give it to that job"),
                new Held("6"));
    }

    @Test
    void twoIndexesThatProcessesContradictAreBothAmbiguous() {
        gpus(on(12), on(11)).job("5", "0").job("6", "1").process(11, "5").process(12, "6");
        assertThat(assignments())
                .allSatisfy(assignment -> assertThat(assignment).isInstanceOfSatisfying(Ambiguous.class,
                        ambiguous -> assertThat(ambiguous.jobIds()).containsExactly("5", "6")));
    }

    @Test
    void aJobThatWasGivenNoneAndUsesOneIsADisagreement() {
        gpus(on(11)).job("5").process(11, "5");
        assertThat(assignments()).containsExactly(new Ambiguous(List.of("5"),
                "a process of job 5 is on it, and Slurm did not give it to that job"));
    }

    @Test
    void aJobOnMoreGpusThanItWasGivenIsADisagreement() {
        gpus(on(11), on(12)).job("5", "0").process(11, "5").process(12, "5");
        assertThat(assignments()).containsExactly(new Held("5"), new Ambiguous(List.of("5"),
                "a process of job 5 is on it, and Slurm did not give it to that job"));
    }
}
