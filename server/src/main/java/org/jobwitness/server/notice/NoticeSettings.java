package org.jobwitness.server.notice;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jobwitness.wire.FindingRule;
import org.jobwitness.wire.TrustedCas;

/**
 * Who is told what, and how. Without a mail and a webhook nobody is.
 *
 * @param rules the findings that are told
 * @param coolDown after which the same finding of the same run is told again
 * @param digest the least time between two messages to a user
 */
public record NoticeSettings(Optional<Mail> mail, Optional<Webhook> webhook, Set<FindingRule> rules, Duration coolDown,
        Duration digest) {
    /** Others would need care in an address: quotes, comments, an option of a command. */
    private static final Pattern USER = Pattern.compile("[A-Za-z0-9_]+(?:[.-]?[A-Za-z0-9_]+)*");
    private static final int MAX_USER = 64;
    private static final Pattern ADDRESS = Pattern
            .compile("[A-Za-z0-9_]+(?:[.+-]?[A-Za-z0-9_]+)*@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?");
    private static final Pattern HERE = Pattern.compile("localhost|127(?:\\.[0-9]{1,3}){3}");
    static final String PLACE = "{user}";

    public NoticeSettings {
        rules = rules.isEmpty() ? Set.of() : EnumSet.copyOf(rules);
    }

    /**
     * How mail goes out, and between which addresses.
     *
     * @param to an address with {user} in it
     */
    public record Mail(Route route, String from, String to) {
        /** Of a user; empty if the name does not go into an address. */
        Optional<String> addressOf(String user) {
            return user.length() <= MAX_USER && USER.matcher(user).matches()
                    ? Optional.of(to.replace(PLACE, user))
                    : Optional.empty();
        }
    }

    /**
     * The one address that gets the messages as JSON.
     *
     * @param secretFile with the key of the signature, read for each request
     */
    public record Webhook(URI url, Path secretFile) {
    }

    public boolean isOn() {
        return mail.isPresent() || webhook.isPresent();
    }

    /** Such as mail and webhook. */
    List<Channel> channels() {
        return Stream.concat(mail.map(_ -> Channel.MAIL).stream(), webhook.map(_ -> Channel.WEBHOOK).stream()).toList();
    }

    /** To the mail server. */
    public sealed interface Route {
    }

    /** By the command of a mail server on this machine. */
    public record Command(Path sendmail) implements Route {
    }

    /**
     * By SMTP.
     *
     * @param isTls whether TLS begins with the connection; else STARTTLS is required, but on this machine
     * @param ca whom to trust instead of Java's CAs
     */
    public record Smtp(String host, int port, boolean isTls, Optional<Login> login, Optional<TrustedCas> ca)
            implements
                Route {
        boolean needsStartTls() {
            return !isTls && !HERE.matcher(host).matches();
        }
    }

    /**
     * A user of the mail server.
     *
     * @param passwordFile read for each message
     */
    public record Login(String user, Path passwordFile) {
    }

    /** Whether it is an address, or becomes one with a user's name. */
    public static boolean isAddress(String text) {
        return ADDRESS.matcher(text.replace(PLACE, "u")).matches();
    }
}
