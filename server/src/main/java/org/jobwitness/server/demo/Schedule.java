package org.jobwitness.server.demo;

import static java.time.Duration.ofHours;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static java.util.Map.entry;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jobwitness.server.demo.JobTemplate.Partition;

/** What the simulated cluster is asked to run: three tables, in which each row is a job. */
final class Schedule {
    /** The stories of the week before the epoch, by the ids of their (first) jobs. */
    static final Map<Long, JobTemplate> WEEK = Map.ofEntries(
            row(1002, Story.HEALTHY_MPI, "lammps-melt", "c09 c10", 64, 192, ofHours(8), ofHours(12)),
            row(1006, Story.GPU_TRAINING, "train-resnet50", "g04:0,1", 16, 128, ofHours(9), ofHours(12)),
            row(1010, Story.ONE_CORE, "r-bootstrap", "c09", 32, 64, ofHours(6), ofHours(8)),
            row(1018, Story.OUT_OF_MEMORY, "star-index", "c10", 16, 64, ofMinutes(160), ofHours(6)),
            row(1022, Story.IDLE_GPUS, "translate-eval", "g04:0,1,2,3", 32, 256, ofHours(11), ofHours(24)),
            row(1034, Story.TIME_LIMIT, "wrf-forecast", "c09", 48, 128, ofHours(4), ofHours(4)),
            row(1039, Story.MEMORY_UNUSED, "phylo-raxml", "c10", 32, 240, ofHours(8), ofHours(12)),
            row(1042, Story.GPU_SLICE, "esm-embed", "g04:4", 8, 64, ofHours(5), ofHours(8)),
            row(1050, Story.ARRAY, "docking-screen", "c09", 8, 16, ofMinutes(50), ofHours(2)),
            row(1059, Story.CANCELLED, "mcmc-chain", "c10", 16, 32, ofMinutes(75), ofHours(10)),
            row(1063, Story.REQUEUED, "cp2k-water", "c09", 32, 96, ofHours(3), ofHours(6)),
            row(1068, Story.SEGFAULT, "mesh-refine", "c10", 8, 32, ofMinutes(25), ofHours(4)),
            row(1079, Story.NODE_FAILURE, "abinit-bands", "c10", 64, 192, ofHours(2), ofHours(8)),
            row(1082, Story.IO_BOUND, "blast-nr", "c09", 16, 48, ofHours(5), ofHours(8)),
            row(1085, Story.PAGE_CACHE, "era5-regrid", "c09", 8, 96, ofHours(3), ofHours(6)),
            row(1092, Story.MEMORY_STALL, "spades-assembly", "c09", 16, 128, ofHours(3), ofHours(8)),
            row(1095, Story.CPU_BOUND, "gatk-haplotype", "c10", 24, 64, ofHours(3), ofHours(6)),
            row(1099, Story.GPU_SHARD, "notebook", "g04:2", 4, 32, ofHours(3), ofHours(8)));

    /** The same stories in small, in the order in which they start; those that overlap fit beside each other. */
    static final List<JobTemplate> LIVE = List.of(
            row(Story.HEALTHY_MPI, "lammps-melt", "c09 c10", 24, 32, 180),
            row(Story.GPU_TRAINING, "train-resnet50", "g04:0,1", 16, 64, 150),
            row(Story.ONE_CORE, "r-bootstrap", "c09", 32, 32, 100),
            row(Story.OUT_OF_MEMORY, "star-index", "c10", 8, 16, 75),
            row(Story.MEMORY_UNUSED, "phylo-raxml", "c10", 16, 128, 110),
            row(Story.CPU_BOUND, "gatk-haplotype", "c10", 8, 16, 80),
            JobTemplate.on("c10", Story.TIME_LIMIT, "wrf-forecast", 8, 16, ofMinutes(1), ofMinutes(1)),
            row(Story.IDLE_GPUS, "translate-eval", "g04:0,1,2,3", 16, 128, 120),
            row(Story.CANCELLED, "mcmc-chain", "c09", 16, 16, 80),
            row(Story.SEGFAULT, "mesh-refine", "c09", 8, 16, 60),
            row(Story.ARRAY, "docking-screen", "c09", 4, 4, 70),
            row(Story.NODE_FAILURE, "abinit-bands", "c10", 32, 64, 60),
            row(Story.REQUEUED, "cp2k-water", "c09", 16, 32, 60),
            row(Story.IO_BOUND, "blast-nr", "c09", 8, 16, 75),
            row(Story.PAGE_CACHE, "era5-regrid", "c09", 8, 48, 90),
            row(Story.MEMORY_STALL, "spades-assembly", "c09", 8, 32, 85),
            row(Story.GPU_SLICE, "esm-embed", "g04:4", 8, 64, 110),
            row(Story.GPU_SHARD, "notebook", "g04:3", 4, 32, 80));

    /** What users submit over and over; the number of rows has no factor in common with that of a day's jobs. */
    static final List<JobTemplate> BACKGROUND = List.of(
            row(Story.HEALTHY_MPI, "lammps-melt", Partition.CPU, 3, 32, 96, 0, ofHours(9), ofHours(12)),
            row(Story.GPU_TRAINING, "train-resnet50", Partition.GPU, 1, 16, 128, 2, ofHours(8), ofHours(12)),
            row(Story.IO_BOUND, "blast-nr", Partition.CPU, 1, 16, 48, 0, ofHours(5), ofHours(8)),
            row(Story.MEMORY_STALL, "spades-assembly", Partition.BIGMEM, 1, 32, 600, 0, ofHours(9), ofHours(24)),
            row(Story.CPU_BOUND, "gatk-haplotype", Partition.CPU, 1, 24, 64, 0, ofHours(7), ofHours(12)),
            row(Story.GPU_TRAINING, "bert-finetune", Partition.GPU, 1, 8, 64, 1, ofHours(5), ofHours(8)),
            row(Story.HEALTHY_MPI, "openfoam-motorbike", Partition.CPU, 2, 64, 128, 0, ofHours(6), ofHours(10)),
            row(Story.CPU_BOUND, "fastqc-reads", Partition.CPU, 1, 8, 16, 0, ofMinutes(25), ofHours(1)),
            row(Story.PAGE_CACHE, "trinity-rnaseq", Partition.BIGMEM, 1, 24, 700, 0, ofHours(8), ofHours(16)),
            row(Story.CPU_BOUND, "vasp-relax", Partition.CPU, 1, 64, 128, 0, ofHours(10), ofHours(24)),
            row(Story.ONE_CORE, "r-simulation", Partition.CPU, 1, 16, 32, 0, ofHours(3), ofHours(6)),
            row(Story.GPU_TRAINING, "namd-apoa1", Partition.GPU, 1, 32, 200, 4, ofHours(7), ofHours(10)),
            row(Story.PAGE_CACHE, "era5-regrid", Partition.CPU, 1, 8, 96, 0, ofHours(4), ofHours(8)),
            row(Story.HEALTHY_MPI, "gromacs-membrane", Partition.CPU, 2, 32, 64, 0, ofHours(20), ofHours(24)),
            row(Story.MEMORY_UNUSED, "matlab-sweep", Partition.CPU, 1, 16, 128, 0, ofHours(4), ofHours(8)),
            row(Story.GPU_TRAINING, "amber-equil", Partition.GPU, 1, 8, 48, 1, ofHours(6), ofHours(12)),
            row(Story.CPU_BOUND, "bowtie2-align", Partition.CPU, 1, 16, 24, 0, ofMinutes(90), ofHours(3)));

    private Schedule() {
    }

    private static Map.Entry<Long, JobTemplate> row(long id, Story story, String name, String where, int cpus,
            int memoryGb, Duration usual, Duration limit) {
        return entry(id, JobTemplate.on(where, story, name, cpus, memoryGb, usual, limit));
    }

    private static JobTemplate row(Story story, String name, String where, int cpus, int memoryGb, int seconds) {
        return JobTemplate.on(where, story, name, cpus, memoryGb, ofSeconds(seconds), ofMinutes(10));
    }

    private static JobTemplate row(Story story, String name, Partition partition, int nodes, int cpus, int memoryGb,
            int gpus, Duration usual, Duration limit) {
        return new JobTemplate(story, name, partition, nodes, cpus, (long) memoryGb << 10, gpus, usual, limit,
                List.of());
    }
}
