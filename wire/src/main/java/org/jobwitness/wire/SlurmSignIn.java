package org.jobwitness.wire;

/** Signs a user in by a token of Slurm, as {@code scontrol token} prints it behind {@code SLURM_JWT=}. */
public record SlurmSignIn(String slurmToken) {

    public SlurmSignIn {
        slurmToken = Checks.requiredText("slurm_token", slurmToken, 16_384);
    }
}
