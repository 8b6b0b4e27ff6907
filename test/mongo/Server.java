import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.ServerVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import io.netty.channel.Channel;

/** mongo-java-server on a port (0: any), which it prints. With `leashed` it ends when its standard input does. */
public class Server extends MemoryBackend {
  public static void main(String[] args) throws Exception {
    Server backend = new Server();
    backend.version(ServerVersion.MONGO_5_0);
    MongoServer server = new MongoServer(backend);
    server.bind("127.0.0.1", Integer.parseInt(args[0]));
    System.out.println(server.getLocalAddress().getPort());
    if (args.length < 2 || !args[1].equals("leashed")) return;
    while (System.in.read() != -1) continue;
    Runtime.getRuntime().halt(0);
  }

  @Override
  public Document handleCommand(Channel channel, String database, String command, Document query) {
    return modern(super.handleCommand(channel, database, command, query));
  }

  @Override
  public Document handleMessage(MongoMessage message) {
    return modern(super.handleMessage(message));
  }

  /** The version of the protocol that the official driver asks for; what the server cannot do of it, Bellhop does not use. */
  private static Document modern(Document answer) {
    if (answer.containsKey("maxWireVersion")) answer.put("maxWireVersion", 21);
    return answer;
  }
}
