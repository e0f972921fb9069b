package org.jobwitness.server.notice;

import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Base64;

/** A mail as it is handed over, by RFC 5322 and 2045. No header has a text that a user chose. */
record MailText(String from, Clock clock) {

    /** Of the sender's address. */
    String host() {
        return from.substring(from.indexOf('@') + 1);
    }

    /** With {@code \n} at the end of each line. The id is the outbox's: a mail that comes twice is known by it. */
    String of(Message message, String to) {
        String body = Base64.getMimeEncoder(76, new byte[]{'\n'})
                .encodeToString(message.body().getBytes(StandardCharsets.UTF_8));
        return "From: jobwitness <" + from + ">\nTo: <" + to + ">\nSubject: " + message.subject() + "\nDate: "
                + DateTimeFormatter.RFC_1123_DATE_TIME.format(clock.instant().atOffset(ZoneOffset.UTC))
                + "\nMessage-ID: <notice-" + message.id() + "." + clock.instant().toEpochMilli() + "@" + host()
                + ">\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
                + "Content-Transfer-Encoding: base64\n\n" + body + "\n";
    }
}
