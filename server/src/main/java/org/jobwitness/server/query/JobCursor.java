package org.jobwitness.server.query;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Arrays;
import java.util.Base64;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jobwitness.server.http.ApiException;

/**
 * A place between two rows of a list.
 *
 * @param at what the list is sorted by, as PostgreSQL writes it
 */
record JobCursor(JobSort sort, String at, long key) {
    private static final Pattern FORM = Pattern.compile(
            "([a-z_-]+)\\|((?:(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]+\\+00)|infinity)\\|([0-9]{1,18})");

    static JobCursor parse(String text) {
        try {
            Matcher form = FORM.matcher(new String(Base64.getUrlDecoder().decode(text), StandardCharsets.UTF_8));
            if (form.matches()) {
                Optional<JobSort> sort = Arrays.stream(JobSort.values())
                        .filter(s -> s.parameter().equals(form.group(1))).findFirst();
                if (sort.isPresent() && (form.group(2).equals("infinity") || isTime(form.group(2)))) {
                    return new JobCursor(sort.get(), form.group(2), Long.parseLong(form.group(3)));
                }
            }
        } catch (IllegalArgumentException e) {
            // Not base64: the same error as for any other text that is not ours.
        }
        throw ApiException.invalidField("cursor", "cursor must be the next_cursor of a response, unchanged");
    }

    private static boolean isTime(String text) {
        try {
            Instant.parse(text.replace(' ', 'T').replace("+00", "Z"));
            return true;
        } catch (DateTimeParseException e) {
            return false;
        }
    }

    String text() {
        return Base64.getUrlEncoder().withoutPadding()
                .encodeToString((sort.parameter() + "|" + at + "|" + key).getBytes(StandardCharsets.UTF_8));
    }
}
