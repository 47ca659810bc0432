package mandate.bench;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The job of deduplication on Kafka Streams, as fast as was found: an in-memory store with its changelog, exactly once.
 *
 * <p>Arguments: bootstrap, source topic, sink topic, application id, folder for its state, window in milliseconds. A
 * record's id are sixteen bytes at byte 5; a record whose id was seen within the window is dropped, any other is
 * forwarded as it is.
 */
public final class Dedup {
  private static final int ID_AT = 5;
  private static final int ID_BYTES = 16;
  private static final String STORE = "seen";

  private record Entry(Bytes id, long at) {}

  private static final class Window implements Processor<byte[], byte[], byte[], byte[]> {
    private final long windowMs;
    private final ArrayDeque<Entry> order = new ArrayDeque<>();
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<Bytes, Long> seen;

    Window(long windowMs) {
      this.windowMs = windowMs;
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
      this.context = context;
      this.seen = context.getStateStore(STORE);
      List<Entry> restored = new ArrayList<>();
      try (KeyValueIterator<Bytes, Long> all = seen.all()) {
        while (all.hasNext()) {
          KeyValue<Bytes, Long> next = all.next();
          restored.add(new Entry(next.key, next.value));
        }
      }
      restored.sort(Comparator.comparingLong(Entry::at));
      order.addAll(restored);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      byte[] value = record.value();
      if (value == null || value.length < ID_AT + ID_BYTES) {
        return;
      }
      long now = record.timestamp();
      while (!order.isEmpty() && order.peekFirst().at() + windowMs <= now) {
        seen.delete(order.pollFirst().id());
      }
      Bytes id = Bytes.wrap(Arrays.copyOfRange(value, ID_AT, ID_AT + ID_BYTES));
      if (seen.get(id) != null) {
        return;
      }
      seen.put(id, now);
      order.addLast(new Entry(id, now));
      context.forward(record);
    }
  }

  private Dedup() {}

  private static Properties settings(String bootstrap, String application, String folder) {
    Properties found = new Properties();
    found.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
    found.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
    found.put(StreamsConfig.STATE_DIR_CONFIG, folder);
    found.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    found.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    found.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    found.put("auto.offset.reset", "earliest");
    found.put("producer.batch.size", 262144);
    found.put("producer.linger.ms", 5);
    found.put("producer.compression.type", "lz4");
    found.put("consumer.max.poll.records", 5000);
    found.put("consumer.max.partition.fetch.bytes", 2097152);
    return found;
  }

  public static void main(String[] given) throws InterruptedException {
    long windowMs = Long.parseLong(given[5]);
    Topology topology = new Topology();
    topology.addSource("source", new ByteArrayDeserializer(), new ByteArrayDeserializer(), given[1]);
    topology.addProcessor("dedup", () -> new Window(windowMs), "source");
    topology.addStateStore(
        Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(STORE), Serdes.Bytes(), Serdes.Long()), "dedup");
    topology.addSink("sink", given[2], new ByteArraySerializer(), new ByteArraySerializer(), "dedup");
    KafkaStreams streams = new KafkaStreams(topology, settings(given[0], given[3], given[4]));
    CountDownLatch ended = new CountDownLatch(1);
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  streams.close(Duration.ofSeconds(10));
                  ended.countDown();
                }));
    streams.start();
    ended.await();
  }
}
