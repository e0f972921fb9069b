package org.jobwitness.wire;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The body of every error response.
 *
 * @param error one of the codes of the API document
 * @param message what was tried, with which value, and what to do
 * @param details for a validation error, {@code field} names the field
 */
public record ErrorResponse(String error, String message, @Nullable Map<String, String> details) {
}
