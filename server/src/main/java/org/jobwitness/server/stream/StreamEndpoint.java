package org.jobwitness.server.stream;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.HandlerType;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.Role;
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
    /** Shorter than any idle timeout on the way, so that a client which has gone is noticed. */
    private static final Duration HEARTBEAT = Duration.ofSeconds(15);
    private static final byte[] OPENING = bytes("retry: 3000\n: what this server takes in from now on\n\n");
    private static final byte[] SILENCE = bytes(": nothing new\n\n");

    private final JobStream stream;
    private final Json json;

    public StreamEndpoint(JobStream stream, Json json) {
        this.stream = stream;
        this.json = json;
    }

    public void routes(RoutesConfig routes) {
        routes.get("/v1/stream", this::stream, Role.OPERATOR);
    }

    private void stream(Context ctx) {
        Requests.onlyParameters(ctx, JobFilter.PARAMETERS);
        JobFilter filter = JobFilter.of(ctx);
        if (ctx.method().equals(HandlerType.HEAD)) {
            head(ctx);
            return;
        }
        Listener listener = stream.join(Caller.of(ctx).scope(), filter).orElseThrow(
                () -> ApiException.tooMuch(JobStream.MOST_LISTENERS
                        + " streams are open, as many as this server holds at once; close one, or ask GET /v1/jobs"));
        try {
            head(ctx);
            // Not Javalin's, which would gather what it compresses.
            send(listener, ctx.res().getOutputStream());
        } catch (IOException e) {
            log.debug("stream_lost cause=\"{}\"", e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            stream.leave(listener);
        }
    }

    private static void head(Context ctx) {
        ctx.contentType("text/event-stream").header("Cache-Control", "no-store").header("X-Accel-Buffering", "no");
    }

    private void send(Listener listener, OutputStream out) throws IOException, InterruptedException {
        out.write(OPENING);
        out.flush();
        boolean goesOn = true;
        while (goesOn) {
            switch (listener.next(HEARTBEAT)) {
                case Next.Read(Event event) -> write(out, event);
                case Next.Gap(long missed) -> write(out, Event.of("overflow", json.text(new StreamOverflow(missed))));
                case Next.Silence _ -> out.write(SILENCE);
                case Next.End _ -> goesOn = false;
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
