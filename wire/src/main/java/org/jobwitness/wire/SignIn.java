package org.jobwitness.wire;

import java.util.HexFormat;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Signs a user in by a credential of MUNGE, which proves the uid. Its payload names this service, so that no credential made for
 * another is taken, and has a nonce, so that each counts once.
 */
public record SignIn(String mungeCredential) {
    private static final Pattern PAYLOAD = Pattern.compile("jobwitness sign-in ([0-9a-f]{32})");
    private static final int NONCE_BYTES = 16;

    public SignIn {
        mungeCredential = Checks.requiredText("munge_credential", mungeCredential, 16_384);
    }

    public static String newPayload(RandomGenerator random) {
        byte[] nonce = new byte[NONCE_BYTES];
        random.nextBytes(nonce);
        return "jobwitness sign-in " + HexFormat.of().formatHex(nonce);
    }

    /** The nonce of a payload; empty if it is not one of ours. */
    public static Optional<String> nonceOf(String payload) {
        Matcher ours = PAYLOAD.matcher(payload);
        return ours.matches() ? Optional.of(ours.group(1)) : Optional.empty();
    }
}
