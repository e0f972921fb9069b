package org.jobwitness.server.verdict;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The meaning of Slurm's reasons for a pending job (squeue's REASON), as its page of job reason codes has them, each by its whole
 * name: of two limits whose names start alike, one may pass with time and the other never. A reason that is not listed here is
 * shown without a meaning.
 */
final class PendingReasons {
    private static final String AT_ONCE = "it waits because of a limit on what its user, account or QOS may use at once";
    private static final String USED_UP = "its account or QOS has used up what it may use in total, past jobs counted; whether and when that is given back, the site decides";
    private static final String EXCEEDED = "it asks for more than a single job may have by the limits of its account or QOS, so it will not start until the request or the limit is changed";
    private static final String TOO_LITTLE = "it asks for less than its QOS requires of a job, so it will not start until the request is changed";

    private static final Map<String, String> MEANINGS = meanings();

    private PendingReasons() {
    }

    private static Map<String, String> meanings() {
        Map<String, String> all = new HashMap<>();
        addQueue(all);
        addRequest(all);
        addSite(all);
        addLimits(all);
        addLimitsOfOneJob(all);
        return Map.copyOf(all);
    }

    /** What passes with time, as far as Slurm knows. */
    private static void addQueue(Map<String, String> all) {
        put(all, "other jobs have higher priority", "Priority");
        put(all, "what it asks for is not free now", "Resources");
        put(all, "it waits for another job (--dependency)", "Dependency");
        put(all, "it waits for the start time set with --begin", "BeginTime");
        put(all, "it waits for a license that is in use", "Licenses");
        put(all, "it waits for its reservation to start", "Reservation");
        put(all, "its array already runs as many tasks as it allows at once", "JobArrayTaskLimit");
        put(all, "it was requeued, and its previous run is still being cleaned up", "Cleaning");
        put(all, "its prolog is still running", "Prolog");
        put(all, "its burst buffer is being filled", "BurstBufferStageIn");
        put(all, "too little of the burst buffer is free", "BurstBufferResources");
        put(all, "the clusters of its federation have not agreed yet which of them starts it", "FedJobLock");
        put(all, "too little electric power is available for it now", "PowerNotAvail", "PowerReserved");
        put(all, "no node that has what it requires (--constraint) is available now", "Constraints");
        put(all, "Slurm does not start jobs at once here (SchedulerParameters=defer)", "SchedDefer");
    }

    /** What does not pass unless somebody changes or releases something. */
    private static void addRequest(Map<String, String> all) {
        put(all, "the job it depends on did not end as --dependency requires, so it will never start; cancel it",
                "DependencyNeverSatisfied");
        put(all, "it is on hold; its user can release it (scontrol release)", "JobHeldUser");
        put(all, "it is on hold, and only an administrator can release it", "JobHeldAdmin");
        put(all, "it is on hold because it was requeued too often; an administrator can release it",
                "JobHoldMaxRequeue");
        put(all, "it asks for more time than its partition allows, so it will not start; ask for less --time",
                "PartitionTimeLimit");
        put(all, "no node has what it asks for, so it is not expected to start; change the request", "BadConstraints");
        put(all, "it asks for more memory per CPU or node than is allowed, so it will not start; ask for less",
                "MaxMemPerLimit");
        put(all, "its account is not valid, so it will not start", "InvalidAccount");
        put(all, "its QOS is not valid, so it will not start", "InvalidQOS");
        put(all, "its account may not use its partition, so it will not start there", "AccountNotAllowed");
        put(all, "its account or partition does not allow its QOS, so it will not start with it", "QOSNotAllowed");
        put(all, "its reservation no longer exists, so it will not start; submit it without, or with another one",
                "ReservationDeleted");
        put(all, "its reservation is not valid, so it will not start", "ReservationInvalid");
        put(all, "it can no longer end before its --deadline", "DeadLine");
    }

    /** What is the matter with nodes, partitions and Slurm itself. */
    private static void addSite(Map<String, String> all) {
        put(all, "the number of nodes it asks for is outside the current limits of its partition, or nodes that it needs are down or drained",
                "PartitionNodeLimit");
        put(all, "it is outside a limit of its partition", "PartitionConfig");
        put(all, "its partition is down at the moment", "PartitionDown");
        put(all, "its partition does not start jobs at the moment", "PartitionInactive");
        put(all, "a node that it requires is in use, reserved, down, drained or does not respond", "ReqNodeNotAvail");
        put(all, "a node that it requires is down", "NodeDown");
        put(all, "no front end that it may use is available now", "FrontEndDown");
        put(all, "Slurm, a file system or the network failed", "SystemFailure");
        put(all, "it could not be launched", "JobLaunchFailure");
        put(all, "its burst buffer failed", "BurstBufferOperation");
        put(all, "a limit on its account, QOS or partition holds it back; Slurm does not say which",
                "AccountingPolicy");
        put(all, "its account has used more of the cluster than its QOS accepts", "QOSUsageThreshold");
    }

    private static void addLimits(Map<String, String> all) {
        put(all, AT_ONCE, "AssociationJobLimit", "AssociationResourceLimit", "QOSJobLimit", "QOSResourceLimit",
                "AssocGrpCpuLimit", "AssocGrpCPURunMinutesLimit", "AssocGrpJobsLimit", "AssocGrpMemLimit",
                "AssocGrpMemRunMinutes", "AssocGrpNodeLimit", "AssocGrpNodeRunMinutes", "AssocGrpSubmitJobsLimit",
                "AssocGrpEnergyRunMinutes", "AssocGrpGRES", "AssocGrpGRESRunMinutes", "AssocGrpLicense",
                "AssocGrpLicenseRunMinutes", "AssocGrpBB", "AssocGrpBBRunMinutes", "AssocGrpBilling",
                "AssocGrpBillingRunMinutes", "AssocGrpUnknown", "AssocGrpUnknownRunMinutes", "AssocMaxJobsLimit",
                "AssocMaxSubmitJobLimit", "QOSGrpCpuLimit", "QOSGrpCPURunMinutesLimit", "QOSGrpJobsLimit",
                "QOSGrpMemLimit", "QOSGrpMemoryRunMinutes", "QOSGrpNodeLimit", "QOSGrpNodeRunMinutes",
                "QOSGrpSubmitJobsLimit", "QOSGrpEnergyRunMinutes", "QOSGrpGRES", "QOSGrpGRESRunMinutes",
                "QOSGrpLicense", "QOSGrpLicenseRunMinutes", "QOSGrpBB", "QOSGrpBBRunMinutes", "QOSGrpBilling",
                "QOSGrpBillingRunMinutes", "QOSGrpUnknown", "QOSGrpUnknownRunMinutes", "QOSMaxCpuPerUserLimit",
                "QOSMaxJobsPerUserLimit", "QOSMaxNodePerUserLimit", "QOSMaxSubmitJobPerUserLimit",
                "QOSMaxMemoryPerUser", "QOSMaxEnergyPerUser", "QOSMaxGRESPerUser", "QOSMaxLicensePerUser",
                "QOSMaxBBPerUser", "QOSMaxBillingPerUser", "QOSMaxUnknownPerUser", "MaxBBPerAccount",
                "MaxCpuPerAccount", "MaxEnergyPerAccount", "MaxGRESPerAccount", "MaxNodePerAccount",
                "MaxLicensePerAccount", "MaxMemoryPerAccount", "MaxUnknownPerAccount", "MaxJobsPerAccount",
                "MaxSubmitJobsPerAccount", "MaxBillingPerAccount");
        put(all, USED_UP, "AssociationTimeLimit", "QOSTimeLimit", "AssocGrpCPUMinutesLimit", "AssocGrpMemMinutes",
                "AssocGrpNodeMinutes", "AssocGrpEnergy", "AssocGrpEnergyMinutes", "AssocGrpGRESMinutes",
                "AssocGrpLicenseMinutes", "AssocGrpBBMinutes", "AssocGrpBillingMinutes", "AssocGrpUnknownMinutes",
                "AssocGrpWallLimit", "QOSGrpCPUMinutesLimit", "QOSGrpMemoryMinutes", "QOSGrpNodeMinutes",
                "QOSGrpEnergy", "QOSGrpEnergyMinutes", "QOSGrpGRESMinutes", "QOSGrpLicenseMinutes",
                "QOSGrpBBMinutes", "QOSGrpBillingMinutes", "QOSGrpUnknownMinutes", "QOSGrpWallLimit");
    }

    private static void addLimitsOfOneJob(Map<String, String> all) {
        put(all, EXCEEDED, "AssocMaxCpuPerJobLimit", "AssocMaxCpuMinutesPerJobLimit", "AssocMaxNodePerJobLimit",
                "AssocMaxWallDurationPerJobLimit", "AssocMaxCpuPerNode", "AssocMaxMemPerJob", "AssocMaxMemPerNode",
                "AssocMaxMemMinutesPerJob", "AssocMaxNodeMinutesPerJob", "AssocMaxEnergyPerJob",
                "AssocMaxEnergyPerNode", "AssocMaxEnergyMinutesPerJob", "AssocMaxGRESPerJob", "AssocMaxGRESPerNode",
                "AssocMaxGRESMinutesPerJob", "AssocMaxLicensePerJob", "AssocMaxLicenseMinutesPerJob",
                "AssocMaxBBPerJob", "AssocMaxBBPerNode", "AssocMaxBBMinutesPerJob", "AssocMaxBillingPerJob",
                "AssocMaxBillingPerNode", "AssocMaxBillingMinutesPerJob", "AssocMaxUnknownPerJob",
                "AssocMaxUnknownPerNode", "AssocMaxUnknownMinutesPerJob", "QOSMaxCpuPerJobLimit",
                "QOSMaxCpuMinutesPerJobLimit", "QOSMaxNodePerJobLimit", "QOSMaxWallDurationPerJobLimit",
                "QOSMaxCpuPerNode", "QOSMaxMemoryPerJob", "QOSMaxMemoryPerNode", "QOSMaxMemoryMinutesPerJob",
                "QOSMaxNodeMinutesPerJob", "QOSMaxEnergyPerJob", "QOSMaxEnergyPerNode", "QOSMaxEnergyMinutesPerJob",
                "QOSMaxGRESPerJob", "QOSMaxGRESPerNode", "QOSMaxGRESMinutesPerJob", "QOSMaxLicensePerJob",
                "QOSMaxLicenseMinutesPerJob", "QOSMaxBBPerJob", "QOSMaxBBPerNode", "QOSMaxBBMinutesPerJob",
                "QOSMaxBillingPerJob", "QOSMaxBillingPerNode", "QOSMaxBillingMinutesPerJob", "QOSMaxUnknownPerJob",
                "QOSMaxUnknownPerNode", "QOSMaxUnknownMinutesPerJob");
        put(all, TOO_LITTLE, "QOSMinCpuNotSatisfied", "QOSMinMemory", "QOSMinNode", "QOSMinEnergy", "QOSMinGRES",
                "QOSMinLicense", "QOSMinBB", "QOSMinBilling", "QOSMinUnknown");
    }

    private static void put(Map<String, String> all, String meaning, String... reasons) {
        for (String reason : reasons) {
            all.put(reason.toLowerCase(Locale.ROOT), meaning);
        }
    }

    /**
     * A sentence about a reason.
     *
     * @param description what squeue shows instead of the reason; null if Slurm has none
     */
    static @Nullable String meaning(@Nullable String reason, @Nullable String description) {
        String word = reason == null || reason.equals("None") ? null : reason;
        if (description == null || description.equals(word)) {
            return word == null ? null : "Slurm gives the reason " + Phrases.quoted(word) + explained(word) + ".";
        }
        if (word == null) {
            return "Slurm says: " + Phrases.quotedSentence(description) + ".";
        }
        boolean isWhole = description.startsWith(word);
        return "Slurm gives the reason " + (isWhole ? "" : Phrases.quoted(word) + " and says ")
                + Phrases.quotedSentence(description)
                + (word.equals("Resources") ? "" : explained(word)) + "."; // the description says why they are not free
    }

    private static String explained(String reason) {
        String known = MEANINGS.get(reason.split("[ ,(]", 2)[0].toLowerCase(Locale.ROOT));
        return known == null ? "" : ": " + known;
    }
}
