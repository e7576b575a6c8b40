UPDATE shop_texts SET charge_note = 'Write nothing on the transfer.', support_telegram = 'radshop';
