package org.jobwitness.agent.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jobwitness.agent.assignment.Assignment;
import org.jobwitness.agent.assignment.Assignment.Free;
import org.jobwitness.agent.assignment.Assignment.Held;
import org.jobwitness.agent.assignment.Assignment.Partitioned;
import org.jobwitness.agent.assignment.Assignment.Shared;
import org.jobwitness.agent.assignment.GpuAssignments;
import org.jobwitness.agent.assignment.ProcessOwner;
import org.jobwitness.agent.assignment.PrologClaim;
import org.jobwitness.agent.gpu.GpuName;
import org.jobwitness.agent.gpu.GpuState;
import org.jobwitness.wire.GpuVendor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * From the environment of a prolog, through the script and its event, to the holder of a GPU. The environment is that of a job with
 * one GPU on a real Slurm 24.11; what other releases and other hardware have instead of its numbers is after Slurm's source
 * (src/plugins/gres/common/gres_common.c) and was not captured.
 */
class PrologToAssignmentTest {
    private static final Path CAPTURED = Path.of("../slurm/captured/slurm-24.11/contain/k-gpu/hooks-job34.txt");
    private static final String A = "GPU-aaaa1111-2222-3333-4444-555555555555";
    private static final String B = "GPU-bbbb1111-2222-3333-4444-555555555555";
    private static final List<String> VENDORS_VARIABLES = List.of("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES",
            "GPU_DEVICE_ORDINAL", "ZE_AFFINITY_MASK");

    @TempDir
    Path folder;
    private final PrologEvents prologEvents = new PrologEvents();

    /** Runs a prolog in the captured environment, but for these; with GPUs of one plugin, the others' variables are not there. */
    private PrologClaim prolog(String jobId, Map<String, String> gpus) throws Exception {
        Map<String, String> environment = captured();
        if (!gpus.isEmpty()) {
            environment.keySet().removeAll(VENDORS_VARIABLES);
        }
        environment.putAll(gpus);
        environment.put("SLURM_JOB_ID", jobId);
        environment.put("JOBWITNESS_CONF", "/dev/null");
        environment.put("JOBWITNESS_SPOOL_DIR", folder.resolve("spool").toString());
        environment.put("OBSERVABILITY_API_URL", "http://127.0.0.1:1"); // nobody listens, so the event stays
        ProcessBuilder script = new ProcessBuilder("/bin/sh", Path.of("../slurm/prolog").toAbsolutePath().toString());
        script.environment().clear();
        script.environment().putAll(environment);
        assertThat(script.start().waitFor(30, TimeUnit.SECONDS)).isTrue();
        try (Stream<Path> events = Files.list(folder.resolve("spool/events"))) {
            events.forEach(prologEvents::read);
        }
        PrologEvent event = prologEvents.ofJob(jobId).orElseThrow();
        return new PrologClaim(jobId, event.gpuDevices(), event.gpuVendor(), null);
    }

    private static Map<String, String> captured() throws IOException {
        String all = Files.readString(CAPTURED, StandardCharsets.UTF_8);
        String block = all.substring(all.indexOf("prolog.n1.env"));
        Map<String, String> environment = new TreeMap<>();
        block.lines().skip(1).takeWhile(line -> !line.startsWith("########"))
                .filter(line -> !line.startsWith("#") && line.contains("="))
                .forEach(line -> environment.put(line.split("=", 2)[0], line.split("=", 2)[1]));
        return environment;
    }

    private static GpuState gpu(GpuVendor vendor, String uuid, Integer index, String parent) {
        return new GpuState(new GpuName(vendor, uuid, null, null, index, parent, null), null, null, null, null, null,
                null, null, List.of(), null, List.of(), List.of(), Map.of());
    }

    private static List<GpuState> nvidia() {
        return List.of(gpu(GpuVendor.NVIDIA, A, 0, null), gpu(GpuVendor.NVIDIA, B, 1, null));
    }

    private static List<Assignment> assignments(List<GpuState> gpus, PrologClaim... claims) {
        return new GpuAssignments(gpus, List.of(claims), false, _ -> new ProcessOwner.NoJob()).assignments();
    }

    @Test
    void asCapturedAnIndexInEveryVendorsVariable() throws Exception {
        PrologClaim claim = prolog("34", Map.of());
        assertThat(claim.devices()).containsExactly("0");
        assertThat(assignments(nvidia(), claim)).containsExactly(new Held("34"), new Free());
    }

    @Test
    void indexesOfSlurm() throws Exception {
        PrologClaim claim = prolog("34", Map.of("SLURM_JOB_GPUS", "1", "CUDA_VISIBLE_DEVICES", "1"));
        assertThat(claim.vendor()).isEqualTo(GpuVendor.NVIDIA);
        assertThat(assignments(nvidia(), claim)).containsExactly(new Free(), new Held("34"));
    }

    @Test
    void uuidsFromSlurm2511() throws Exception {
        PrologClaim claim = prolog("34", Map.of("SLURM_JOB_GPUS", "0,1", "CUDA_VISIBLE_DEVICES", B));
        assertThat(assignments(nvidia(), claim)).containsExactly(new Free(), new Held("34"));
    }

    @Test
    void uuidsOfMigInstancesInBothForms() throws Exception {
        for (Map.Entry<String, String> given : Map
                .of("34", "MIG-cccc1111-2222-3333-4444-555555555555", "35", "MIG-" + A + "/7/0").entrySet()) {
            String instance = given.getValue();
            List<GpuState> gpus = new ArrayList<>(List.of(gpu(GpuVendor.NVIDIA, A, 0, null)));
            gpus.add(gpu(GpuVendor.NVIDIA, instance, null, A));
            gpus.add(gpu(GpuVendor.NVIDIA, "MIG-dddd1111-2222-3333-4444-555555555555", null, A));
            PrologClaim claim = prolog(given.getKey(), Map.of("SLURM_JOB_GPUS", "3", "CUDA_VISIBLE_DEVICES", instance));
            assertThat(assignments(gpus, claim)).containsExactly(new Partitioned(), new Held(given.getKey()),
                    new Free());
        }
    }

    @Test
    void indexesOfAmd() throws Exception {
        PrologClaim claim = prolog("34", Map.of("SLURM_JOB_GPUS", "1-2", "ROCR_VISIBLE_DEVICES", "1,2"));
        assertThat(claim.vendor()).isEqualTo(GpuVendor.AMD);
        assertThat(assignments(List.of(gpu(GpuVendor.AMD, "GPU-0123456789abcdef", 0, null),
                gpu(GpuVendor.AMD, "GPU-1123456789abcdef", 1, null), gpu(GpuVendor.AMD, null, 2, null)), claim))
                .containsExactly(new Free(), new Held("34"), new Held("34"));
    }

    @Test
    void aShareOfAGpu() throws Exception {
        Map<String, String> half = Map.of("SLURM_JOB_GPUS", "0", "CUDA_VISIBLE_DEVICES", "0",
                "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE", "50");
        assertThat(assignments(nvidia(), prolog("34", half), prolog("35", half)))
                .containsExactly(new Shared(List.of("34", "35")), new Free());
    }

    @Test
    void aJobWithoutGpus() throws Exception {
        Map<String, String> none = Map.of("SLURM_JOB_GPUS", "");
        assertThat(assignments(nvidia(), prolog("34", none))).containsExactly(new Free(), new Free());
    }
}
