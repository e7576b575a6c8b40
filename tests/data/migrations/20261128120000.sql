UPDATE backups SET copied_at = '2026-11-28 12:00+00', copied_to = 'https://s3.example bucket rad' WHERE id = 1;
