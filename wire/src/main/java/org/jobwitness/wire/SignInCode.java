package org.jobwitness.wire;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What opens a page in a browser that is not signed in yet.
 *
 * @param path to open, below the server's address
 * @param url the same with the address that people use, if the server knows it
 * @param expiresAt until when, and once; null where no sign-in is needed
 */
public record SignInCode(String path, @Nullable String url, @Nullable Instant expiresAt) {
}
