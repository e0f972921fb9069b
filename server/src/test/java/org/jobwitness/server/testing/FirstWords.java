package org.jobwitness.server.testing;

import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.BodySubscribers;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;

/** Takes what comes first for the whole answer, and hangs up: a stream does not end. */
final class FirstWords implements BodySubscriber<byte[]> {
    private final CompletableFuture<byte[]> words = new CompletableFuture<>();
    private Flow.Subscription subscription;

    /** For streams; other answers are read to their end. */
    static BodyHandler<byte[]> ofStreams() {
        return answer -> answer.headers().firstValue("Content-Type").orElse("").startsWith("text/event-stream")
                ? new FirstWords()
                : BodySubscribers.ofByteArray();
    }

    @Override
    public CompletionStage<byte[]> getBody() {
        return words;
    }

    @Override
    public void onSubscribe(Flow.Subscription given) {
        subscription = given;
        subscription.request(1);
    }

    @Override
    public void onNext(List<ByteBuffer> some) {
        byte[] bytes = new byte[some.stream().mapToInt(ByteBuffer::remaining).sum()];
        int at = 0;
        for (ByteBuffer buffer : some) {
            int length = buffer.remaining();
            buffer.get(bytes, at, length);
            at += length;
        }
        subscription.cancel();
        words.complete(bytes);
    }

    @Override
    public void onError(Throwable e) {
        words.completeExceptionally(e);
    }

    @Override
    public void onComplete() {
        words.complete(new byte[0]);
    }
}
