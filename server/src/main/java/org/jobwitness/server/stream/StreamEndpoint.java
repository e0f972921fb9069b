package org.jobwitness.server.stream;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.HandlerType;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Coordinators;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.access.Scope;
import org.jobwitness.server.access.Session;
import org.jobwitness.server.access.Sessions;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.Requests;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.query.JobFilter;
import org.jobwitness.server.stream.Listener.Next;
import org.jobwitness.wire.StreamOverflow;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** GET /v1/stream, as server-sent events, written by the request's own thread. */
public final class StreamEndpoint {
    private static final Logger log = LoggerFactory.getLogger(StreamEndpoint.class);
    /** Shorter than the idle timeouts of proxies; it also detects clients that are gone. */
    private static final Duration HEARTBEAT_INTERVAL = Duration.ofSeconds(15);
    /** How long a stream goes on whose session has expired or was revoked, or whose user coordinates other accounts by now. */
    private static final Duration SESSION_INTERVAL = Duration.ofSeconds(5);
    private static final byte[] OPENING = bytes("retry: 3000\n: what this server takes in from now on\n\n");
    private static final byte[] HEARTBEAT = bytes(": nothing new\n\n");

    private final JobStream stream;
    private final Sessions sessions;
    private final Coordinators coordinators;
    private final Json json;

    public StreamEndpoint(JobStream stream, Sessions sessions, Coordinators coordinators, Json json) {
        this.stream = stream;
        this.sessions = sessions;
        this.coordinators = coordinators;
        this.json = json;
    }

    public void routes(RoutesConfig routes) {
        routes.get("/v1/stream", this::stream, Role.USER);
    }

    private void stream(Context ctx) {
        Requests.onlyParameters(ctx, JobFilter.PARAMETERS);
        JobFilter filter = JobFilter.of(ctx);
        if (ctx.method().equals(HandlerType.HEAD)) {
            head(ctx);
            return;
        }
        Listener listener = stream.join(Caller.of(ctx).scope(), filter).orElseThrow(
                () -> ApiException.tooManyRequests(JobStream.MAX_LISTENERS
                        + " streams are open, as many as this server allows; close one, or use GET /v1/jobs"));
        try {
            head(ctx);
            // Not Javalin's stream, which buffers what it compresses.
            send(listener, Caller.of(ctx), ctx.res().getOutputStream());
        } catch (IOException e) {
            log.debug("stream_disconnected cause=\"{}\"", e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            stream.leave(listener);
        }
    }

    private static void head(Context ctx) {
        ctx.contentType("text/event-stream").header("Cache-Control", "no-store").header("X-Accel-Buffering", "no");
    }

    /** Whether it still may see what it saw when the stream began. */
    private boolean isAdmitted(Caller caller) {
        Session session = caller.session();
        return (session == null || sessions.isLive(session.id()))
                && !(caller.scope() instanceof Scope.JobsOf jobs
                        && !coordinators.of(jobs.user()).equals(jobs.coordinated()));
    }

    private void send(Listener listener, Caller caller, OutputStream out)
            throws IOException, InterruptedException {
        out.write(OPENING);
        out.flush();
        boolean isOpen = true;
        long checkedAt = System.nanoTime();
        while (isOpen) {
            if (caller.user() != null && System.nanoTime() - checkedAt >= SESSION_INTERVAL.toNanos()) {
                isOpen = isAdmitted(caller);
                checkedAt = System.nanoTime();
            }
            switch (listener.next(caller.user() == null ? HEARTBEAT_INTERVAL : SESSION_INTERVAL)) {
                case Next.Read(Event event) -> write(out, event);
                case Next.Gap(long missed) -> write(out, Event.of("overflow", json.text(new StreamOverflow(missed))));
                case Next.Idle _ -> out.write(HEARTBEAT);
                case Next.End _ -> isOpen = false;
            }
            if (listener.isIdle()) {
                out.flush();
            }
        }
    }

    private void write(OutputStream out, Event event) throws IOException {
        event.writeTo(out);
        stream.sent(event.name());
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
