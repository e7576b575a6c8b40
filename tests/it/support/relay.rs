//! An HTTP proxy that leads every request to one place, whatever host it names.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

/// What came to the proxy.
pub struct Relay {
    /// `host:port`.
    pub address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Relay {
    /// To `target`, `host:port`.
    pub async fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let (notes, target) = (heads.clone(), target.to_owned());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (notes, target) = (notes.clone(), target.clone());
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        head.push(stream.read_u8().await?);
                    }
                    notes.lock().unwrap().push(String::from_utf8_lossy(&head).to_ascii_lowercase());
                    let mut far = TcpStream::connect(target).await?;
                    far.write_all(&head).await?;
                    copy_bidirectional(&mut stream, &mut far).await
                });
            }
        });
        Self { address, heads }
    }

    /// The first head of each connection, in lower case.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}
